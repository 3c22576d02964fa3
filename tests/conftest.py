"""What all tests share: properties are held against time only where a test measures CPU time itself."""

from hypothesis import settings

settings.register_profile("davy", deadline=None)
settings.load_profile("davy")
