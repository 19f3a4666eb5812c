# ruff: noqa: E501 - a table row is one line
"""The table of personal data: per type a trigger, an exact pattern, a validator and the words that must stand near.

A number without a check digit, or one in which a tenth of all numbers pass it, is reported only in an unmistakable form
or with one of its words near. `boundaries` says what may touch a value.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from extproc.detectors import boundaries as b
from extproc.detectors import validators as v
from extproc.detectors.wallets import crypto


@dataclass(frozen=True, slots=True)
class PiiRule:
    """One way to write one type. `width` bounds the exact match; `rank` decides between types on the same stretch."""

    type: str
    trigger: bytes
    exact: re.Pattern[str]
    valid: Callable[[str], bool] | None
    rank: int
    score: int
    width: int = 40
    context: re.Pattern[str] | None = None  # must stand within CONTEXT characters before, or a few after
    trim: Callable[[str], str] | None = None  # the part of a match that is the value, when the pattern reaches too far
    begins: Callable[[str, int], int] | None = None  # where the value begins, when the pattern finds only its end
    stands: Callable[[str, int, int], bool] | None = None  # whether what is around it lets it be a value
    after: int = 24  # how far an exact match may reach beyond the trigger's end


CONTEXT = 48
NOT_AFTER_LETTER, NOT_BEFORE_LETTER = "(?<![a-z])", "(?![a-z])"


def _words(*words: str) -> re.Pattern[str]:
    return re.compile(f"{NOT_AFTER_LETTER}(?:{'|'.join(words)}){NOT_BEFORE_LETTER}", re.IGNORECASE)


def _exact(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_L, _R = rb"(?:^|[^a-z0-9])", rb"(?:[^a-z0-9]|$)"
_R_DIGIT = rb"(?:[^0-9]|$)"
_NO_DIGIT = r"(?<!\d)(?<!\d[./-])"
_NO_DIGIT_END = r"(?!\d)(?![./-]\d)"
_WHOLE = r"(?<![A-Za-z0-9-])"
_WHOLE_END = r"(?![A-Za-z0-9-])"
_DASHED = b.APART + r"(?<!\d[./-])"
_DASHED_END = b.END + r"(?![./-]\d)"

_PHONE_WORDS = _words(
    "phones?", "tel", "telephone", "telefon(?:o|e|nummer)?", "téléphone", "mobile", "mobil", "cell", "cellphone", "call", "called",
    "calling", "fax", "sms", "text(?:ed)?", "whatsapp", "contact", "reach", "hotline", "dial", "ring", "number is", "handynummer",
    "celular", "portable", "numero", "móvil", "rufnummer", "电话", "手机", "電話", "携帯", "телефон", "phone_?number", "handy", "signal",
    "messages? to", "answering at", "office", "zadzwoń", "ligue", "llame", "appelez",
)  # fmt: skip

PII_RULES: tuple[PiiRule, ...] = (
    PiiRule(
        "EMAIL_ADDRESS",
        rb"[^\s<>()\[\],;:@]@[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,5}\.[a-z]{2}",
        _exact(r"@(?:[A-Za-z0-9_-]{1,63}+\.){1,8}(?:[Xx][Nn]--[A-Za-z0-9-]{1,59}+|[A-Za-z]{2,63}+)"),
        None, 60, 99, 330, begins=b.local_part, stands=b.address_stands, after=64,
    ),
    PiiRule(
        "EMAIL_ADDRESS",
        rb"[^\x00-\x7f]@[a-z0-9-]|@[a-z0-9.-]{0,100}[^\x00-\x7f]",
        _exact(r"@(?:[\w-]{1,63}+\.){1,8}[^\W\d_]{2,24}(?![\w-])"),
        None, 55, 95, 330, begins=b.local_part, stands=b.address_stands, after=64,
    ),
    PiiRule(
        "CREDIT_CARD",
        rb"[0-9](?:[ ._/-]{0,2}[0-9]){11,18}" + _R_DIGIT,
        _exact(
            r"(?<!\d)(?:\d{4}(?:[ -]{1,2}\d{4}){3}(?:[ -]{1,2}\d{3})?|\d{4}([._/])\d{4}\1\d{4}\1\d{4}"
            r"|\d{4}[ -]\d{6}[ -]\d{4,5}|\d{12,19})(?!\d)"
        ),
        v.credit_card, 90, 98, 48, trim=v.card_part, stands=b.card_stands,
    ),
    PiiRule(
        "IBAN_CODE",
        b"(?:" + "|".join(v.IBAN_COUNTRIES).encode() + rb")[0-9]{2}[ ._-]?[a-z0-9]{4}",
        _exact(r"[A-Za-z]{2}\d{2}(?:[ ._-]?[A-Za-z0-9]{4}){2,7}(?:[ ._-]?[A-Za-z0-9]{1,4})?"),
        v.iban, 95, 99, 12, trim=v.iban_part, stands=b.iban_stands, after=40,
    ),
    PiiRule(
        "US_SSN", rb"[0-9]{3}-[0-9]{2}-[0-9]{4}" + _R, _exact(_DASHED + r"\d{3}-\d{2}-\d{4}" + _DASHED_END), v.us_ssn, 70, 90,
    ),
    PiiRule(
        "US_SSN", b"", _exact(b.TOUCHING + r"\d{3}([-. ]?)\d{2}\1\d{4}" + b.TOUCHING_END), v.us_ssn, 75, 92,
        context=_words("ssn", "ss#", "ssns?", "social security", "social-security", "socials?", "soc sec"),
    ),
    PiiRule("US_ITIN", rb"9[0-9]{2}-[0-9]{2}-[0-9]{4}" + _R, _exact(_DASHED + r"9\d{2}-\d{2}-\d{4}" + _DASHED_END), v.us_itin, 72, 88),
    PiiRule(
        "US_ITIN", b"", _exact(b.TOUCHING + r"9\d{2}[- ]?\d{2}[- ]?\d{4}" + b.TOUCHING_END), v.us_itin, 76, 90,
        context=_words("itin", "taxpayer", "tax id", "individual taxpayer"),
    ),
    PiiRule(
        "IP_ADDRESS", _L + rb"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}" + _R,
        _exact(
            r"(?<![A-Za-z0-9.+])(?<![A-Za-z0-9]_)(?<![A-Za-z]-)"
            r"(?<!\b[vV]ersion )(?<!\b[vV]er )(?<!\brelease )(?<!\bbuild )(?<!==)(?<!>=)(?<!~=)(?<!@)"
            r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:/(?:3[0-2]|[12]?\d))?"
            r"(?![A-Za-z0-9]|[-_][A-Za-z]|\.\d|/\d)"
        ),
        v.ip_address, 65, 85,
    ),
    PiiRule(
        "IP_ADDRESS", rb"[0-9a-f:]:[0-9a-f]{0,4}:[0-9a-f:]|::[0-9a-f]",
        _exact(
            r"(?<![A-Za-z0-9:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?:%\w{1,16})?(?:/\d{1,3})?"
            r"(?![A-Za-z0-9:]|\.\d)"
        ),
        v.ipv6_address, 66, 90, 64,
    ),
    PiiRule(
        "MAC_ADDRESS", _L + rb"(?:(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4})" + _R,
        _exact(
            r"(?<![A-Za-z0-9:.-])(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4})"
            r"(?![A-Za-z0-9:-])"
        ),
        v.mac_address, 68, 95,
    ),
    PiiRule(
        "PHONE_NUMBER", rb"(?:\+|00)[ (]{0,2}[1-9][0-9 ()./-]{6,20}[0-9]" + _R_DIGIT,
        _exact(
            r"(?<![0-9.+-])(?<![0-9] (?!\+\d))(?<![A-Za-z](?!\+))(?<![A-Za-z]\d\d )(?:\+|00)[ ]?\(?[1-9]\d{0,2}+\)?"
            r"(?:[ .\-/]{0,2}+\(?\d{1,5}+\)?+){1,7}(?:[ ]?(?:x|ext\.?|extension)[ ]?\d{1,6})?(?![A-Za-z0-9]|[.-]\d)"
        ),
        v.phone, 45, 85,
    ),
    PiiRule(
        "PHONE_NUMBER", rb"\([0-9]{2,5}\)[ -]{0,2}[0-9]{2}|[0-9]{3}[-. ][0-9]{3}[-. ][0-9]{4}",
        _exact(
            r"(?<![A-Za-z0-9.$#+-])(?<!\d )(?:(?:1[-. ])?(?:\([2-9]\d{2}\)[ -]{0,2}|[2-9]\d{2}([-.]))\d{3}[-. ]\d{4}"
            r"|\(0\d{2,5}\)[ -]{0,2}\d{3,8}(?:[ -]\d{2,6})?)"
            r"(?:[ ]?(?:x|ext\.?|extension)[ ]?\d{1,6})?(?![A-Za-z0-9-]|\.\d)"
        ),
        v.phone, 44, 75,
    ),
    PiiRule(
        "PHONE_NUMBER", b"",
        _exact(
            r"(?<![A-Za-z0-9.$#/+-])(?<!\d )(?<![A-Za-z]\d\d )\(?\d{2,6}+\)?+(?:[ .\-/]{0,2}+\(?\d{1,8}+\)?+){1,6}"
            r"(?:[ ]?(?:x|ext\.?|extension)[ ]?\d{1,6})?(?![A-Za-z0-9:]|[.-]\d)"
        ),
        v.phone, 40, 65, 40, _PHONE_WORDS,
    ),
    PiiRule(
        "UK_NINO", _L + rb"[a-z]{2} ?(?:[0-9]{2} ?){3}[a-d]" + _R, _exact(b.APART + r"[A-Za-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Da-d]" + b.END), v.uk_nino,
        71, 90,
    ),
    PiiRule("IN_PAN", _L + rb"[a-z]{5}[0-9]{4}[a-z]" + _R, _exact(_WHOLE + r"[A-Z]{5}\d{4}[A-Z]" + _WHOLE_END), v.in_pan, 71, 88),
    PiiRule(
        "IN_AADHAAR", _L + rb"[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}" + _R, _exact(b.ALONE + r"[2-9]\d{3}([ -])\d{4}\1\d{4}" + b.END + r"(?![ -]?\d)"), v.aadhaar, 77, 85,
    ),
    PiiRule(
        "IN_AADHAAR", b"", _exact(b.TOUCHING + r"[2-9]\d{11}" + b.TOUCHING_END), v.aadhaar, 78, 90,
        context=_words("aadhaar", "aadhar", "uidai", "uid", "आधार"),
    ),
    PiiRule("BR_CPF", rb"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", _exact(_NO_DIGIT + r"\d{3}\.\d{3}\.\d{3}-\d{2}" + _NO_DIGIT_END), v.br_cpf, 85, 96),
    PiiRule("BR_CPF", b"", _exact(b.TOUCHING + r"\d{11}" + b.TOUCHING_END), v.br_cpf, 84, 90, context=_words("cpf", "cadastro de pessoas?")),
    PiiRule(
        "ES_NIF", _L + rb"[0-9]{8}[ -]?[a-z]" + _R, _exact(_WHOLE + r"\d{8}-?[A-Za-z]" + _WHOLE_END), v.es_nif, 71, 85,
    ),
    PiiRule("ES_NIE", _L + rb"[xyz][ -]?[0-9]{7}[ -]?[a-z]" + _R, _exact(_WHOLE + r"[XYZxyz][ -]?\d{7}-?[A-Za-z]" + _WHOLE_END), v.es_nif, 71, 88),
    PiiRule("SG_NRIC_FIN", _L + rb"[stfgm][0-9]{7}[a-z]" + _R, _exact(_WHOLE + r"[STFGMstfgm]\d{7}[A-Za-z]" + _WHOLE_END), v.sg_nric, 71, 88),
    PiiRule(
        "IT_FISCAL_CODE", _L + rb"[a-z]{6}[0-9lmnpqrstuv]{2}[a-z][0-9lmnpqrstuv]{2}[a-z][0-9lmnpqrstuv]{3}[a-z]" + _R,
        _exact(b.APART + r"[A-Za-z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRSTabcdehlmprst][0-9LMNP-V]{2}[A-Za-z][0-9LMNP-V]{3}[A-Za-z]" + b.END), v.it_fiscal_code, 80, 95,
    ),
    PiiRule("FI_PERSONAL_IDENTITY_CODE", _L + rb"[0-9]{6}[-+a-fu-y][0-9]{3}[0-9a-y]" + _R, _exact(b.APART + r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Ya-y]" + b.END), v.fi_hetu, 79, 90),
    PiiRule(
        "CRYPTO", _L + rb"(?:[13][a-z0-9]{25,34}|bc1[a-z0-9]{11,71}|0x[0-9a-f]{40})" + _R,
        _exact(b.APART + r"(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|(?:bc1|BC1)[A-Za-z0-9]{11,71}|0x[0-9A-Fa-f]{40})" + b.END), crypto, 82, 95, 80,
    ),
    PiiRule(
        "CN_RESIDENT_ID", rb"[1-8][0-9]{16}[0-9x]" + _R_DIGIT, _exact(b.TOUCHING + r"[1-8]\d{16}[0-9Xx]" + b.TOUCHING_END), v.cn_ric, 92, 95,
    ),
    PiiRule(
        "KR_RRN", _L + rb"[0-9]{6}-[1-4][0-9]{6}" + _R, _exact(_DASHED + r"\d{6}-[1-4]\d{6}" + _WHOLE_END), v.kr_rrn, 79, 85,
    ),
    PiiRule(
        "KR_FRN", _L + rb"[0-9]{6}-[5-8][0-9]{6}" + _R, _exact(_DASHED + r"\d{6}-[5-8]\d{6}" + _WHOLE_END), v.kr_rrn, 79, 85,
    ),
    PiiRule(
        "US_MBI", _L + rb"[1-9][a-z][a-z0-9][0-9]-?[a-z][a-z0-9][0-9]-?[a-z]{2}[0-9]{2}" + _R,
        _exact(_WHOLE + r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}" + _WHOLE_END), None, 80, 90,
    ),
)  # fmt: skip
