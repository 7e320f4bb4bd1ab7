from anonymizer.errors import NotAnImage, ObjectError
from anonymizer.image import codec


def is_picture(data: bytes) -> bool:
    """Whether bytes are those of a picture, be it one that cannot be read."""
    try:
        codec.sniff(data)
    except NotAnImage:
        return False
    except ObjectError:
        return True
    return True
