"""What runs as something happens: a device, a message, a question, the network, a program of another format."""
