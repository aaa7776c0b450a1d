"""How names are read, for searching by Latin letters."""

from services.members.domain.names import SURNAME_READINGS, is_chinese, surname_of


def read_name(name: str) -> tuple[str, str]:
    """Full reading and initials, in small letters without tones.

    曾小芳 → ("zengxiaofang", "zxf"); John Smith → ("johnsmith", "js").
    """
    import pypinyin  # noqa: PLC0415 - its dictionaries take half a second, which no start should wait for

    if is_chinese(name):
        surname = surname_of(name)
        syllables = [*SURNAME_READINGS.get(surname, ())] or pypinyin.lazy_pinyin(surname)
        syllables += pypinyin.lazy_pinyin(name[len(surname) :])
    else:
        syllables = " ".join(pypinyin.lazy_pinyin(name)).split()
    words = [part for part in ("".join(filter(str.isalnum, syllable)).lower() for syllable in syllables) if part]
    return "".join(words), "".join(word[0] for word in words)
