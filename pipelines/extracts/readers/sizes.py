"""How much a packed file may unpack to.

Belongs here: the bounds of everything that is unpacked, counted while it is. What a packed file says of its
own sizes is never trusted.
"""

from pipelines.extracts.faults import UnreadableFile

# A real table packs to a hundredth of its size at best; what hides gigabytes packs to a thousandth.
MAX_RATIO = 250
RATIO_FROM_BYTES = 64 * 1024**2


def check_unpacked(unpacked: int, packed: int, most: int) -> None:
    """Stop unpacking a file when it has become too large.

    Raises:
        UnreadableFile: ZIP_BOMB, UNPACKED_TOO_LARGE.
    """
    if unpacked > RATIO_FROM_BYTES and unpacked > MAX_RATIO * packed:
        raise UnreadableFile(
            "ZIP_BOMB",
            "file",
            f"Unpacked, the file is more than {MAX_RATIO} times as large, which no table is.",
            "Check where the file comes from. If it is sound, deliver it unpacked.",
        )
    if unpacked > most:
        raise UnreadableFile(
            "UNPACKED_TOO_LARGE",
            "file",
            f"Unpacked, the file is larger than {most // 1024**3} GB.",
            "Deliver it in parts; a workbook that is so large as CSV or Parquet.",
        )
