"""When an article was published, read from what a page prints: ages ("3 hours ago") and dates ("02-07-2025").

An age says in which interval an article was published, never at which moment, because sites round: what is rounded
down, to the nearest, or by a library such as moment.js lies in the interval given here. A date without an order that
everybody reads alike is read by the habit of the site that printed it, and no reading lies after the fetch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal

from schemas.articles import Precision, Published

DateOrder = Literal["dmy", "mdy", "ymd"]
"""How a site writes a date in digits: day, month and year in their order."""

_SECOND, _MINUTE, _HOUR, _DAY = 1, 60, 3600, 86400
_WEEK, _MONTH, _YEAR = 7 * _DAY, 30 * _DAY, 365 * _DAY
_PRECISIONS: Final[dict[int, Precision]] = {
    _SECOND: "second",
    _MINUTE: "minute",
    _HOUR: "hour",
    _DAY: "day",
    _WEEK: "day",
    _MONTH: "month",
    _YEAR: "year",
}

# A page printed in Auckland on Friday can be fetched while it is still Thursday in UTC.
ZONE_SLACK: Final = timedelta(hours=14)

# Words for the units in the languages of the registry's outlets, longest first within one language where one word
# begins another; each with the words for "one" that stand before it and what makes it an age.
_UNITS: Final[dict[int, str]] = {
    _SECOND: "seconds?|secs?|sekunden?|secondes?|segundos?|secondi|seconden|секунд[уы]?|saniye|sekund[yę]?|sekunder|"
    "detik|giây|ثوان[ٍي]?|ثانية|שניות|δευτερόλεπτα|ثانیه|秒钟?|秒鐘?|초",
    _MINUTE: "minutes?|mins?|minuten|minutos?|minut[io]|minuten|минут[уы]?|dakika|minut[yęu]?|minuter|minutter|minutt|"
    "menit|phút|دقائق|دقيقة|דקות|דקה|λεπτά|λεπτό|دقیقه|хвилин[иу]?|मिनट|minutami|分钟|分鐘|分|분",
    _HOUR: "hours?|hrs?|stunden?|heures?|horas?|or[ae]|uur|uren|час(?:а|ов)?|saat|godzin[yęa]?|godz|timmar|timme|timer|"
    "time|jam|giờ|ساعات|ساعة|שעות|שעה|ώρες|ώρα|ساعت|годин[иу]?|घंटे|घंटा|hodinami|hodinou|小时|小時|時間|시간",
    _DAY: "days?|tagen?|tag|jours?|días?|dias?|giorn[oi]|dagen|dag|день|дня|дней|gün|dni|dzień|dagar|dager|dage|hari|"
    "ngày|أيام|يوم|ימים|יום|ημέρες|μέρες|ημέρα|روز|день|дні|днів|दिन|dny|天|日|일",
    _WEEK: "weeks?|wks?|wochen?|semaines?|semanas?|settiman[ae]|weken|недел[юиь]|hafta|tygodni[ea]?|tydzień|veckor|"
    "vecka|uker|uke|uger|uge|minggu|tuần|أسابيع|أسبوع|שבועות|שבוע|εβδομάδες|εβδομάδα|هفته|тижн[іья]|"
    "тиждень|हफ़्ते|सप्ताह|týdny|周|週間|週|주",
    _MONTH: "months?|monaten?|monat|mois|mes(?:es)?|mês|mes[ei]|maanden|maand|месяц(?:а|ев)?|ay|miesi[ąę]c[yea]?|"
    "månader|månad|måneder|måned|bulan|tháng|أشهر|شهر|חודשים|חודש|μήνες|μήνα|ماه|місяц[іья]|महीने|"
    "měsíci|个月|個月|か月|ヶ月|カ月|개월",
    _YEAR: "years?|yrs?|jahren?|jahr|ans?|années?|años?|anos?|ann[oi]|jaar|год|года|лет|yıl|lata?|rok|år|tahun|năm|"
    "سنوات|سنة|שנים|שנה|χρόνια|χρόνο|سال|рік|роки|років|साल|lety|年|년",
}
_UNIT_OF: Final = [(unit, re.compile(f"(?:{words})\\Z", re.IGNORECASE)) for unit, words in _UNITS.items()]
_ANY_UNIT: Final = "|".join(_UNITS.values())
_ONE: Final = "an|a|one|einem|einer|une?|una|uno|um|uma|een|один|одну|bir|jedną|en|ett|et|אחת"
# the number; an article of English may be glued to what stands before it, in lower case ("Independenta day ago")
_COUNT: Final = rf"(?P<count{{0}}>\d{{{{1,4}}}}|(?:about |over |ca\.? )?(?:{_ONE})(?=\s))"


def _age_pattern() -> re.Pattern[str]:
    units = f"(?:{_ANY_UNIT})"
    after = "ago|fa|geleden|назад|önce|temu|sedan|siden|lalu|yang lalu|trước|тому|पहले|前|전|atrás|پیش|earlier"
    before = "vor|il y a|hace|há|منذ|לפני|πριν(?: από)?|před|قبل|for|acum"
    first = _COUNT.format(1) + rf"\s*(?P<unit1>{units})\.?\s*(?P<mark1>{after})(?!\w)"
    second = rf"(?<!\w)(?P<mark2>{before})\s+" + _COUNT.format(2) + rf"\s*(?P<unit2>{units})(?:\s+siden)?(?!\w)"
    # two numbers, as "1 hour 20 minutes ago": the larger unit rules
    pair = rf"(?P<count4>\d{{1,3}})\s*(?P<unit4>{units}),?\s+(?:and\s+)?\d{{1,2}}\s*(?:{units})\s+(?:ago|назад|temu|fa)"
    short = r"(?P<count3>\d{1,3})\s?(?P<unit3>min|mo|[smhdwy])\s+ago(?!\w)"
    # Slavic languages leave the one out
    bare = r"(?<!\w)(?P<unit5>минуту|час|день|неделю|месяц|год|хвилину|годину|тиждень|місяць|рік)\s(?:назад|тому)(?!\w)"
    words = (
        r"(?P<word>just now|moments ago|(?:a )?few seconds ago|gerade eben|à l'instant|ahora mismo|agora mesmo|"
        r"только что|刚刚|剛剛|たった今|방금|(?<!\w)"
        r"(?:yesterday|today|gestern|heute|hier|aujourd'hui|ayer|hoy|ontem|hoje|"
        r"ieri|oggi|gisteren|vandaag|вчера|сегодня|dün|bugün|wczoraj|dzisiaj|昨天|今天|昨日|今日|어제|오늘))(?!\w)"
    )
    return re.compile("|".join((pair, short, first, second, bare, words)), re.IGNORECASE)


_AGE: Final = _age_pattern()
# the patterns above are tried only on lines that can match: one pass over a set of words is cheaper
_AGE_HINT: Final = re.compile(
    r"ago\b|fa\b|geleden|назад|önce|temu\b|sedan\b|siden\b|lalu\b|trước|тому|पहले|前|전|atrás|پیش|earlier|vor\b|il y a|"
    r"hace\b|há\b|منذ|לפני|πριν|před|قبل|just now|yesterday|today|gestern|heute|hier\b|aujourd|ahora|ayer|hoy\b|agora|"
    r"ontem|hoje|ieri|oggi|gisteren|vandaag|вчера|сегодня|только|dün\b|bugün|wczoraj|dzisiaj|昨|今|刚|剛|어제|오늘|방금",
    re.IGNORECASE,
)
_NOW: Final = (
    "just now",
    "moments",
    "few seconds",
    "gerade",
    "instant",
    "ahora",
    "agora",
    "только",
    "刚",
    "剛",
    "たった",
    "방금",
)
_TODAY: Final = (
    "today",
    "heute",
    "aujourd'hui",
    "hoy",
    "hoje",
    "oggi",
    "vandaag",
    "сегодня",
    "bugün",
    "dzisiaj",
    "今",
    "오늘",
)
_SHORT: Final = {
    "s": _SECOND,
    "m": _MINUTE,
    "min": _MINUTE,
    "h": _HOUR,
    "d": _DAY,
    "w": _WEEK,
    "mo": _MONTH,
    "y": _YEAR,
}

_MONTH_WORDS: Final = (
    "jan january januar janvier enero janeiro gennaio januari ocak января январь січня stycznia styczeń januára "
    "ledna ianuarie ιανουαρίου يناير ינואר januára janv ene gen янв sty january. มกราคม tháng1 január siječnja",
    "feb february februar février febrero fevereiro febbraio februari şubat февраля февраль лютого lutego luty února "
    "februarie φεβρουαρίου فبراير פברואר févr fev фев lut กุมภาพันธ์ február veljače",
    "mar march märz mars marzo março maart mart марта март березня marca marzec března martie μαρτίου مارس מרץ mär "
    "мар mrz มีนาคม március ožujka mrt",
    "apr april avril abril aprile nisan апреля апрель квітня kwietnia kwiecień dubna aprilie απριλίου أبريل ابريل "
    "אפריל avr abr апр kwi เมษายน április travnja",
    "may mai mayo maio maggio mei mayıs мая май травня maja maj května mai μαΐου مايو מאי mag พฤษภาคม május svibnja",
    "jun june juni juin junio junho giugno haziran июня июнь червня czerwca czerwiec června iunie ιουνίου يونيو יוני "
    "giu июн cze มิถุนายน június lipnja",
    "jul july juli juillet julio julho luglio temmuz июля июль липня lipca lipiec července iulie ιουλίου يوليو יולי "
    "juil lug июл lip กรกฎาคม július srpnja",
    "aug august août agosto augustus augusti ağustos августа август серпня sierpnia sierpień srpna αυγούστου أغسطس "
    "אוגוסט ago aoû авг sie สิงหาคม augusztus kolovoza aout",
    "sep sept september septembre septiembre setembro settembre eylül сентября сентябрь вересня września wrzesień září "
    "septembrie σεπτεμβρίου سبتمبر ספטמבר set сен сент wrz กันยายน szeptember rujna",
    "oct okt october oktober octobre octubre outubro ottobre ekim октября октябрь жовтня października październik "
    "října octombrie οκτωβρίου أكتوبر אוקטובר out ott окт paź ตุลาคม október listopada",
    "nov november novembre noviembre novembro kasım ноября ноябрь листопада listopad listopadu noiembrie νοεμβρίου "
    "نوفمبر נובמבר ноя พฤศจิกายน studenoga studenog",
    "dec dez december dezember décembre diciembre dezembro dicembre aralık декабря декабрь грудня grudnia grudzień "
    "prosince decembrie δεκεμβρίου ديسمبر דצמבר dic déc дек gru ธันวาคม prosinca",
)
# where two languages use one word for two months (listopada), the later in this list of months wins
_MONTHS: Final = {word: number for number, words in enumerate(_MONTH_WORDS, 1) for word in words.split()}
_MONTH_RE: Final = "|".join(sorted(map(re.escape, _MONTHS), key=len, reverse=True))
_TIME: Final = (
    r"(?:(?:\s*[,|·•@–-]\s*|\s+|\s*T)(?:at |um |à |a las |às |alle |o godz\. |в |om |kl\.? ?)?"
    r"(?P<hour{0}>[01]?\d|2[0-3])(?:[:.h](?P<minute{0}>[0-5]\d)(?::(?P<second{0}>[0-5]\d)(?:\.\d+)?)?)?"
    r"\s?(?P<half{0}>[ap]\.?m\.?(?!\w))?(?:\s?Uhr)?(?P<zone{0}>\s?(?:Z|UTC|GMT|E[SD]?T|C[SD]T|M[SD]T|P[SD]T|BST|IST|CEST|CET|"
    r"EEST|EET|MSK|JST|KST|HKT|SGT|AEST|AEDT)?(?:[+-]\d\d?(?::?\d\d)?)?(?!\w))?)?"
)
_YEAR_RE: Final = r"(?:19|20)\d\d"
# not after a digit, unless that ends a name ("France 2404-07-2025")
_APART: Final = r"(?:(?<!\d)|(?<=[^\W\d]\s\d)|(?<=[^\W\d]\s\d\d))"
_ISO: Final = (
    rf"(?<!\d)(?P<y1>{_YEAR_RE})[-/.](?P<m1>0?[1-9]|1[0-2])[-/.](?P<d1>0?[1-9]|[12]\d|3[01])(?!\d)" + _TIME.format(1)
)
_DIGITS: Final = (
    rf"{_APART}(?P<a2>\d\d?)(?P<s2>[-/.])(?P<b2>\d\d?)(?P=s2)(?P<y2>{_YEAR_RE}|\d\d(?!\d))(?!\d)" + _TIME.format(2)
)
_DAY_FIRST: Final = (
    rf"{_APART}(?P<d3>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th|er|\.|º|ª)?[\s-](?:de\s|of\s)?(?P<m3>{_MONTH_RE})(?!\w)\.?,?"
    rf"(?:[\s-](?:de\s|del\s)?(?P<y3>{_YEAR_RE})(?:\s?г(?:ода|\.))?(?!\d))?" + _TIME.format(3)
)
_MONTH_FIRST: Final = (
    rf"(?<!\w)(?P<m4>{_MONTH_RE})\.?\s(?P<d4>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?(?!\d)"
    rf"(?:,?\s(?P<y4>{_YEAR_RE})(?!\d))?" + _TIME.format(4)
)
_EAST: Final = (
    rf"(?P<y5>{_YEAR_RE})\s?[年년]\s?(?P<m5>1[0-2]|0?[1-9])\s?[月월]\s?(?P<d5>3[01]|[12]\d|0?[1-9])\s?[日일]"
    + _TIME.format(5)
)
# a month glued to what stands before it ("ReutersJul 3, 2025") is found without the word boundary
_GLUED_MONTH: Final = (
    rf"(?<=[a-z0-9])(?P<m6>(?-i:[A-Z][a-z]{{2,8}}))\.?\s(?P<d6>0?[1-9]|[12]\d|3[01])(?!\d)(?:,?\s(?P<y6>{_YEAR_RE})(?!\d))"
    + _TIME.format(6)
)
_DATE: Final = re.compile("|".join((_ISO, _DIGITS, _DAY_FIRST, _MONTH_FIRST, _EAST, _GLUED_MONTH)), re.IGNORECASE)
_ZONES: Final = {
    "z": 0, "utc": 0, "gmt": 0, "et": -4, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8,
    "pdt": -7, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3, "jst": 9, "kst": 9, "hkt": 8, "sgt": 8,
    "aest": 10, "aedt": 11,
}  # fmt: skip
_DIGIT: Final = re.compile(r"\d")
_LONGEST_LINE: Final = 400


@dataclass(frozen=True, slots=True)
class TimeMatch:
    """An age or date found in a line: where, and what it says (`resolve`)."""

    start: int
    end: int
    kind: Literal["age", "date"]
    match: re.Match[str]

    @property
    def has_year(self) -> bool:
        """Whether a date names its year; ages do not."""
        return self.kind == "date" and any(self.match[f"y{n}"] for n in range(1, 7))

    def resolve(self, fetched_at: datetime, *, order: DateOrder = "dmy") -> Published | None:
        """When that was, seen from `fetched_at` (aware); None when no reading is a moment before the fetch."""
        if self.kind == "age":
            return _resolve_age(self.match, fetched_at)
        return _resolve_date(self.match, fetched_at, order)


def find_times(line: str) -> Iterator[TimeMatch]:
    """The ages and dates in `line`, from left to right within each kind, ages first; nothing for a line of prose.

    Only the first 400 characters are looked at: a line that prints when an article appeared is short.
    """
    line = line[:_LONGEST_LINE]
    if _AGE_HINT.search(line):
        for match in _AGE.finditer(line):
            yield TimeMatch(match.start(), match.end(), "age", match)
    if _DIGIT.search(line):
        for match in _DATE.finditer(line):
            if match["m6"] is None or match["m6"].casefold() in _MONTHS:
                yield TimeMatch(match.start(), match.end(), "date", match)


def read_time(text: str, *, fetched_at: datetime, order: DateOrder = "dmy") -> Published | None:
    """When `text` says something was published: its first age, else its first date that is not after `fetched_at`.

    An age gives an interval and `at` null. A date gives its day, or with a time and a zone a moment. `order` is how
    the site writes dates in digits; a date that this order puts after the fetch is read the other way round.
    """
    for found in find_times(text):
        published = found.resolve(fetched_at, order=order)
        if published is not None:
            return published
    return None


def shown_date_order(times: Iterable[TimeMatch], fetched_at: datetime) -> DateOrder | None:
    """The order that a page's own dates in digits show: the one that reads most of them as days before the fetch.

    None where both read equally many, or there are none.
    """
    right: dict[DateOrder, int] = {"dmy": 0, "mdy": 0}
    for found in times:
        match = found.match
        if found.kind != "date" or match["a2"] is None or match["s2"] == ".":
            continue
        first, second, year = int(match["a2"]), int(match["b2"]), int(match["y2"])
        year += 2000 if year < 100 else 0
        readings: tuple[tuple[DateOrder, int, int], ...] = (("dmy", first, second), ("mdy", second, first))
        for order, day, month in readings:
            try:
                right[order] += datetime(year, month, day, tzinfo=UTC) <= fetched_at + timedelta(days=1)
            except (ValueError, OverflowError):
                continue
    if right["dmy"] == right["mdy"]:
        return None
    return "dmy" if right["dmy"] > right["mdy"] else "mdy"


def relative_interval(count: int, unit_seconds: int, fetched_at: datetime) -> tuple[datetime, datetime]:
    """The earliest and latest moment that `count` units before `fetched_at` can mean on a site that rounds.

    "a day ago" lies 22 to 48 h before, "an hour ago" 45 to 120 min, N units N − ½ to N + 1.
    """
    if count <= 1:
        # moment.js says "a day" from 22 h on, "an hour" from 45 min, "a month" from 26 d; others round down
        least = {_DAY: 22 * _HOUR, _HOUR: 45 * _MINUTE, _MINUTE: 45, _MONTH: 26 * _DAY, _YEAR: 320 * _DAY}
        latest = least.get(unit_seconds, unit_seconds // 2) if count else 0
        earliest = 2 * unit_seconds if count else unit_seconds
    else:
        latest, earliest = (2 * count - 1) * unit_seconds // 2, (count + 1) * unit_seconds
    return _before(fetched_at, earliest), _before(fetched_at, latest)


def _before(moment: datetime, seconds: int) -> datetime:
    try:
        return moment - timedelta(seconds=seconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _resolve_age(match: re.Match[str], fetched_at: datetime) -> Published | None:
    word = match["word"]
    if word is not None:
        word = word.casefold()
        midnight = fetched_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if any(now in word for now in _NOW):
            earliest, latest, precision = _before(fetched_at, 5 * _MINUTE), fetched_at, _PRECISIONS[_MINUTE]
        elif any(today in word for today in _TODAY) and word != "昨日":
            earliest, latest, precision = _before(midnight, 12 * _HOUR), fetched_at, _PRECISIONS[_DAY]
        else:
            # the site's midnight is not known: half a day more on either side
            earliest = _before(midnight, 36 * _HOUR)
            latest, precision = min(_before(midnight, -12 * _HOUR), fetched_at), _PRECISIONS[_DAY]
        return Published(earliest_at=earliest, latest_at=latest, precision=precision, evidence="relative_age")
    number = next(number for number in "43125" if match[f"unit{number}"] is not None)
    count = "1" if number == "5" else match[f"count{number}"]
    unit_word = match[f"unit{number}"].casefold()
    if number == "3":
        unit = _SHORT[unit_word]
    else:
        unit = next((unit for unit, pattern in _UNIT_OF if pattern.match(unit_word)), _DAY)
    many = int(count) if count.isdigit() else 1
    earliest, latest = relative_interval(many, unit, fetched_at)
    return Published(earliest_at=earliest, latest_at=latest, precision=_PRECISIONS[unit], evidence="relative_age")


def _resolve_date(match: re.Match[str], fetched_at: datetime, order: DateOrder) -> Published | None:
    newest = fetched_at + ZONE_SLACK if fetched_at.year < 9999 else fetched_at
    for year, month, day, number in _readings(match, fetched_at, order):
        try:
            moment = datetime(year, month, day, tzinfo=UTC)
        except ValueError:
            continue
        if moment <= newest:
            return _with_clock(match, number, moment, fetched_at)
    return None


def _readings(match: re.Match[str], fetched_at: datetime, order: DateOrder) -> Iterator[tuple[int, int, int, int]]:
    """Year, month, day and number of the alternative that matched, the likeliest reading first."""
    if match["y1"]:
        yield int(match["y1"]), int(match["m1"]), int(match["d1"]), 1
    elif match["y5"]:
        yield int(match["y5"]), int(match["m5"]), int(match["d5"]), 5
    elif match["a2"]:
        first, second, third = int(match["a2"]), int(match["b2"]), int(match["y2"])
        year = third if third > 99 else 2000 + third
        if order == "ymd" and len(match["y2"]) == 2:
            yield 2000 + first, second, third, 2
        readings = [(year, second, first, 2), (year, first, second, 2)]
        if match["s2"] == ".":
            readings = readings[:1]  # nobody writes 07.14.2025
        yield from readings[::-1] if order == "mdy" else readings
    else:
        number = next(number for number in (3, 4, 6) if match[f"m{number}"])
        month, day, year = _MONTHS.get(match[f"m{number}"].casefold(), 0), int(match[f"d{number}"]), match[f"y{number}"]
        if year:
            yield int(year), month, day, number
        else:
            # no year: the last time there was such a day
            yield fetched_at.year, month, day, number
            yield fetched_at.year - 1, month, day, number


def _with_clock(match: re.Match[str], number: int, day: datetime, fetched_at: datetime) -> Published | None:
    hour = match[f"hour{number}"]
    minute, half, zone = match[f"minute{number}"], match[f"half{number}"], (match[f"zone{number}"] or "").strip()
    if hour is None or (minute is None and not half):
        latest = min(day + timedelta(days=1), max(day, fetched_at)) if day.year < 9999 else day
        return Published(earliest_at=day, latest_at=latest, precision="day", evidence="printed_date")
    hours = int(hour)
    if half and hours <= 12:
        hours = hours % 12 + (12 if half[0] in "pP" else 0)
    second = match[f"second{number}"]
    local = day + timedelta(hours=hours, minutes=int(minute or 0), seconds=int(second or 0))
    offset = _zone_offset(zone)
    try:
        if offset is not None:
            at = local.replace(tzinfo=offset).astimezone(UTC)
            if at > fetched_at + timedelta(hours=1):
                return None
            precision: Precision = "second" if second else "minute"
            return Published(at=at, earliest_at=at, latest_at=at, precision=precision, evidence="printed_date")
        # no zone: clocks are between 12 h behind and 14 h ahead of UTC
        earliest, latest = local - ZONE_SLACK, min(local + timedelta(hours=12), fetched_at)
    except OverflowError:
        return None
    if latest < earliest:
        return None
    return Published(earliest_at=earliest, latest_at=latest, precision="day", evidence="printed_date")


def _zone_offset(zone: str) -> timezone | None:
    if not zone:
        return None
    name = re.match(r"[A-Za-z]*", zone)
    word = name[0].casefold() if name else ""
    rest = zone[len(word) :]
    minutes = _ZONES.get(word, 0) * 60
    if rest:
        digits = rest[1:].replace(":", "")
        if not digits.isdigit():
            return None
        hours, more = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
        minutes += (hours * 60 + more) * (-1 if rest[0] == "-" else 1)
    return timezone(timedelta(minutes=minutes)) if abs(minutes) < 24 * 60 else None
