"""Whatever encoding a text comes in, what comes out is the text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.core.errors import ItemError
from lectern.text import encoding

TEXTS = {
    "de": "Über Größe und Übergänge: Wer einen Versuch wiederholen will, braucht die Daten, den Code und die "
    "Zufallszahlen. Außerdem müssen die Fassungen der Bibliotheken feststehen; sonst ändern sich die Ergebnisse. ",
    "fr": "Pour répéter une expérience, il faut garder les données, le code et les graines aléatoires. Même les "
    "versions des bibliothèques doivent être notées, sinon les résultats changent : ça coûte cher. ",
    "pl": "Żeby powtórzyć doświadczenie, trzeba mieć dane, kod i ziarna losowości. Również wersje bibliotek muszą być "
    "zapisane, bo inaczej wyniki będą się różnić między maszynami. Gęślą jaźń. ",
    "cs": "Kdo chce pokus zopakovat, potřebuje data, kód a náhodná semínka. Také verze knihoven musí být zapsány, "
    "jinak se výsledky na každém počítači liší a nikdo neví proč. Příliš žluťoučký kůň. ",
    "tr": "Bir deneyi tekrarlamak isteyen kişinin verilere, koda ve rastgele tohumlara ihtiyacı vardır. Kitaplıkların "
    "sürümleri de yazılmalıdır; yoksa sonuçlar değişir. Şişli'de ığdır ağacı. ",
    "ru": "Чтобы повторить опыт, нужны данные, код и начальные значения генератора. Версии библиотек тоже должны быть "
    "записаны, иначе результаты изменятся, и никто не узнает почему. ",
    "uk": "Щоб повторити дослід, потрібні дані, код і початкові значення генератора. Версії бібліотек теж мають бути "
    "записані, інакше результати зміняться. Їжак є ґречний. ",
    "el": "Όποιος θέλει να επαναλάβει ένα πείραμα χρειάζεται τα δεδομένα, τον κώδικα και τους σπόρους. Και οι εκδόσεις "
    "των βιβλιοθηκών πρέπει να είναι γραμμένες, αλλιώς τα αποτελέσματα αλλάζουν. ",
    "he": "מי שרוצה לחזור על ניסוי צריך את הנתונים, את הקוד ואת הזרעים. גם הגרסאות של הספריות צריכות להיות רשומות. ",
    "ar": "من يريد أن يعيد التجربة يحتاج إلى البيانات والشيفرة والبذور. ويجب أيضا أن تكون إصدارات المكتبات مسجلة. ",
    "ja": "実験を繰り返すには、データとコードと乱数の種が必要です。"
    "ライブラリの版も記録しておかなければ、結果が変わってしまいます。",
    "zh": "想要重复一个实验,就需要数据、代码和随机种子。库的版本也必须记录下来,否则结果会改变,而没有人知道原因。",
    "ko": "실험을 되풀이하려면 데이터와 코드와 난수의 씨앗이 필요합니다. "
    "라이브러리의 판도 적어 두지 않으면 결과가 바뀝니다. ",
    "th": "ผู้ที่ต้องการทำการทดลองซ้ำต้องมีข้อมูล รหัส และค่าเริ่มต้นของการสุ่ม รุ่นของไลบรารีก็ต้องบันทึกไว้ ",
}
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
OLD = {
    "de": ("cp1252", "iso8859-15"),
    "fr": ("cp1252", "iso8859-15"),
    "pl": ("cp1250", "iso8859-2"),
    "cs": ("cp1250", "iso8859-2"),
    "tr": ("cp1254", "iso8859-9"),
    "ru": ("cp1251", "koi8-r", "cp866", "iso8859-5"),
    "uk": ("cp1251", "koi8-u"),
    "el": ("cp1253", "iso8859-7"),
    "he": ("cp1255", "iso8859-8"),
    "ar": ("cp1256", "iso8859-6"),
    "ja": ("shift_jis", "euc_jp", "iso2022_jp"),
    "zh": ("gb18030", "gbk"),
    "ko": ("euc_kr", "iso2022_kr"),
    "th": ("tis-620",),
}
CASES = [(language, name) for language in TEXTS for name in (*UNICODE, *OLD[language])]


@pytest.mark.parametrize(("language", "name"), CASES)
def test_nothing_is_lost_whether_or_not_the_encoding_is_declared(language: str, name: str) -> None:
    text = TEXTS[language]
    data = text.encode(name)
    assert encoding.decode(data).text == text
    assert encoding.decode(data, declared=name).text == text


SHORT = (
    "Où est la bibliothèque ? Elle est située près du marché, derrière l'église.",
    "Qu’est-ce qu’une graine aléatoire ? C’est un nombre dont dépend tout ce qui est tiré au sort. Écrivez-la.",
    "¿Qué es una semilla? Mañana será otro día en España.",
    "Perché la validità dei dati è così importante? Perché l'errore più grande è già nei dati, e la città è lontana.",
    "Não há razão para repetir a experiência sem anotar a versão dos dados; a configuração também é importante.",
    "På våren är det viktigt att öppna fönstren så att växthuset får frisk luft på morgonen.",
    "Om foråret er det vigtigt at åbne vinduerne, så drivhuset får frisk luft på øverste etage.",
)


@pytest.mark.parametrize("text", SHORT)
def test_short_western_texts_are_not_taken_for_central_european(text: str) -> None:
    assert encoding.decode(text.encode("cp1252")).text == text


def test_a_false_declaration_does_not_break_a_text() -> None:
    for declared in ("iso-8859-1", "ascii", "utf-16", "no-such", "zip", "x\0y", ""):
        assert encoding.decode(TEXTS["ru"].encode(), declared).text == TEXTS["ru"]


def test_what_browsers_mean_by_latin_1_is_windows_1252() -> None:
    assert encoding.decode("„Größe“ – 5 €".encode("cp1252"), "iso-8859-1").text == "„Größe“ – 5 €"


def test_a_few_broken_bytes_cost_those_bytes_and_are_counted() -> None:
    data = TEXTS["ru"].encode() + b" caf\xe9 "  # pasted from a page in Windows-1252
    decoded = encoding.decode(data)
    assert decoded.text == TEXTS["ru"] + " café "
    assert decoded.mended == 1


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ItemError, match="not text"):
        encoding.decode(bytes(range(32)) * 50 + b"\xff\x81" * 500)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff")))
def test_utf_8_comes_back_as_it_was(text: str) -> None:
    assert encoding.decode(text.encode()).text == text


@given(st.text())
def test_clean_keeps_every_letter_digit_and_sign(text: str) -> None:
    cleaned = encoding.clean(text)
    kept = [c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c)[0] in "LNPSM"]
    left = [c for c in unicodedata.normalize("NFKC", cleaned) if unicodedata.category(c)[0] in "LNPSM"]
    assert kept == left
    assert encoding.clean(cleaned) == cleaned
    cleaned.encode("utf-8")  # no half of a surrogate pair


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("ﬁrst eﬀort", "first effort"),
        ("x² ½ ＡＢ ①", "x² ½ ＡＢ ①"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("می\u200cخواهم 👩\u200d🔬", "می\u200cخواهم 👩\u200d🔬"),
        ("a\x00b\x07c\ufffed", "abcd"),
        ("abc\u202edef", "abcdef"),
        ("A\r\nB\rC\u2028D\x0cE", "A\nB\nC\nD\nE"),
        ("e\u0301", "é"),
        ("\ufee3\ufeae\ufea3\ufe92\ufe8e", "مرحبا"),
    ],
)
def test_clean_by_example(raw: str, expected: str) -> None:
    assert encoding.clean(raw) == expected
