"""What a scan costs on a host with a thousand processes: ``python -m bench.scan``.

Everything is measured in one run on one machine: the scan on the idle host and with burners, the reading of ``/proc``
against a C loop over the same files, the start of the program, and what others need for less.
"""
