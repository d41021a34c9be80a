"""Tell a question by its words in scripts that are written without spaces, where no question mark tells it.

Thai, Lao and Khmer are commonly written without any marks, Burmese and Japanese end questions as they end other
sentences, and recognisers leave marks out. The forms are those that grammars name: a particle at the end (`ไหม`, `吗`,
`か`, `လား`), or a word that asks (`ทำไม`, `为什么`), which all of these languages leave in its place in the sentence.
"""

import re

_THAI_POLITE = r"(?:\s*(?:ครับผม|ครับ|คะ|ค่ะ|ฮะ|นะ|จ๊ะ|จ้ะ|ล่ะ|เนี่ย))*"
_FORMS = {
    "th": rf"ทำไม|อย่างไร|ยังไง|เมื่อไหร่|เมื่อไร|ที่ไหน|เท่าไหร่|เท่าไร|(?:^|\s)(?:แล้ว)?(?:ใคร|อะไร|กี่)"
    rf"|(?:ไหม|มั้ย|หรือเปล่า|รึเปล่า|หรือไม่|หรือยัง|เหรอ|หรือ|อะไร(?:บ้าง)?|ใคร|ไหน|บ้าง|กี่\S{{1,12}}){_THAI_POLITE}\s*$"
    r"|(?<!นะ)(?<!นะ\s)คะ\s*$",
    "lo": r"ເປັນຫຍັງ|ແນວໃດ|ເມື່ອໃດ|ເທົ່າໃດ|ຢູ່ໃສ|(?:^|\s)ໃຜ|(?:ບໍ່|ບໍ|ຫຍັງ|ໃຜ|ໃສ|ໃດ)\s*$",
    "km": r"តើ|ហេតុអ្វី|ដូចម្តេច|ដូចម្ដេច|យ៉ាងណា|ពេលណា|នៅឯណា|នរណា|ប៉ុន្មាន|(?:អ្វី|ឬទេ|ឬនៅ|ណា)\s*$",
    "my": r"(?:လား|လဲ|တုံး)\s*[။၊]?\s*$",
    "zh": r"什么时候|什麼時候|为什么|為什麼|怎么|怎麼|如何|多少|哪(?:里|裡|儿|兒|些|个|個|一)|是不是"
    r"|有没有|有沒有|能不能|(?:吗|嗎|呢|什么|什麼|谁|誰)\s*$",
    "ja": r"(?:ですか|ますか|でしたか|ましたか|ませんか|でしょうか|んですか|のか|だろうか|かな)\s*$"
    r"|(?:^|\s)(?:なぜ|どうして)",
}  # fmt: skip
_PATTERNS = {language: re.compile(pattern) for language, pattern in _FORMS.items()}


def asks(text: str, language: str) -> bool:
    """Whether a sentence, or a turn without marks, has the form of a question; False for other languages.

    Args:
        text: what is said.
        language: code such as "th".
    """
    pattern = _PATTERNS.get(language[:2])
    return pattern is not None and pattern.search(text) is not None
