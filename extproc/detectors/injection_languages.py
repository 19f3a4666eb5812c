# ruff: noqa: E501 - a table row is one line
"""The core of prompt injection in other languages: "forget your instructions" and "show your system prompt".

Per language: words that mean *ignore*, *instructions*, *reveal*, *system prompt*. A verb and its object within sixty
bytes of each other, in either order, make the rule. Written as people write; normalised like every text before use.
"""

from extproc.detectors.injection_rules import InjectionRule
from extproc.detectors.normalise import undecorated

_WEIGHT, _DATA_WEIGHT = 76, 84

# language: (ignore, instructions, reveal, prompt)
_LANGUAGES: dict[str, tuple[str, str, str, str]] = {
    "de": ("ignorier|vergiss|vergessen sie|missachte|missachten sie|überschreib|umgehe",
           "bisherigen|vorherigen|anweisung|instruktion|vorgaben|vorigen|obigen|deine regeln|was ich dir|alles davor|sicherheitsregeln",
           "zeig|verrate|nenne|gib|offenbare|wiederhole|drucke", "systemprompt|system-prompt|deine anweisungen|systemanweisung|deinen prompt|geheimen anweisungen"),
    "fr": ("ignore|ignorez|oublie|oubliez|néglige|ne tiens pas compte|ne tenez pas compte|fais abstraction|faites abstraction",
           "instructions précédentes|instructions antérieures|consignes|directives|tout ce qui précède|instructions ci-dessus|tes instructions|vos instructions|tes règles",
           "révèle|révélez|montre|montrez|affiche|affichez|donne-moi|répète|répétez", "prompt système|invite système|instructions système|message système|tes instructions|vos instructions"),
    "es": ("ignora|ignore|olvida|olvide|olvídate|descarta|haz caso omiso|pasa por alto",
           "instrucciones anteriores|instrucciones previas|indicaciones|instrucciones|órdenes|todo lo anterior|tus reglas|directrices",
           "revela|muestra|muéstrame|dime|imprime|repite|enséñame", "prompt del sistema|instrucciones del sistema|mensaje del sistema|tus instrucciones|indicaciones iniciales|prompt de sistema"),
    "pt": ("ignore|ignora|esqueça|esquece|desconsidere|despreze",
           "instruções anteriores|instruções|tudo acima|ordens anteriores|regras anteriores|diretrizes|comandos anteriores",
           "revele|revela|mostre|mostra|exiba|imprima|repita|diga", "prompt do sistema|prompt de sistema|instruções do sistema|mensagem do sistema|suas instruções|teu prompt"),
    "it": ("ignora|ignorate|dimentica|dimenticate|trascura|non tenere conto",
           "istruzioni precedenti|istruzioni|indicazioni precedenti|tutto ciò che precede|regole precedenti|direttive|comandi precedenti",
           "rivela|mostra|mostrami|stampa|ripeti|dimmi", "prompt di sistema|prompt del sistema|istruzioni di sistema|istruzioni del sistema|le tue istruzioni|messaggio di sistema"),
    "nl": ("negeer|vergeet|sla over", "vorige instructies|eerdere instructies|instructies|opdrachten|bovenstaande|richtlijnen",
           "toon|onthul|laat zien|geef|print|herhaal", "systeemprompt|systeeminstructies|je instructies|systeembericht"),
    "pl": ("zignoruj|ignoruj|zapomnij|pomiń", "poprzednie instrukcje|poprzednie|instrukcje|instrukcji|polecenia|wytyczne|powyższe",
           "ujawnij|pokaż|wyświetl|podaj|powtórz|wypisz", "prompt systemowy|instrukcje systemowe|swoje instrukcje|promptu systemowego"),
    "sv": ("ignorera|glöm|bortse från|strunta i", "tidigare instruktioner|instruktioner|instruktionerna|ovanstående|regler",
           "visa|avslöja|skriv ut|upprepa|berätta", "systemprompt|systeminstruktion|dina instruktioner|systemmeddelande"),
    "cs": ("ignoruj|ignorujte|zapomeň|zapomeňte|přeskoč", "předchozí pokyny|předchozí instrukce|pokyny|instrukce|příkazy|výše uvedené",
           "odhal|ukaž|zobraz|vypiš|zopakuj", "systémový prompt|systémové instrukce|své pokyny|systémovou výzvu"),
    "ro": ("ignoră|ignora|uită|nesocotește", "instrucțiunile anterioare|instrucțiunile|instrucțiuni|comenzile|tot ce",
           "dezvăluie|arată|afișează|repetă|spune", "promptul de sistem|instrucțiunile de sistem|instrucțiunile tale|mesajul de sistem"),
    "hu": ("hagyd figyelmen kívül|felejtsd el|ne vedd figyelembe", "korábbi utasítás|előző utasítás|utasítás|szabály|fenti",
           "mutasd|fedd fel|írd ki|ismételd", "rendszerprompt|rendszerutasítás|rendszerüzenet|utasításaidat"),
    "tr": ("yok say|görmezden gel|unut|dikkate alma|göz ardı et", "önceki talimat|talimatları|yönergeleri|komutları|yukarıdaki|kuralları",
           "göster|açıkla|yazdır|söyle|tekrarla", "sistem istemi|sistem mesajı|sistem talimat|sistem komut|sistem prompt"),
    "vi": ("bỏ qua|quên|phớt lờ|lờ đi", "hướng dẫn|chỉ dẫn|lệnh trước|quy tắc|ở trên|chỉ thị",
           "tiết lộ|hiển thị|cho tôi|in ra|lặp lại", "lời nhắc hệ thống|hướng dẫn hệ thống|prompt hệ thống|system prompt"),
    "id": ("abaikan|lupakan|hiraukan", "instruksi sebelumnya|instruksi|perintah|petunjuk|aturan|di atas",
           "tampilkan|ungkapkan|tunjukkan|cetak|ulangi|beritahu", "prompt sistem|instruksi sistem|perintah sistem|pesan sistem|system prompt"),
    "sw": ("puuza|sahau|usifuate", "maagizo|maelekezo|sheria|amri", "onyesha|fichua|niambie|rudia", "maagizo ya mfumo|maelekezo ya mfumo|system prompt"),
    "ru": ("игнорируй|игнорируйте|проигнорируй|проигнорируйте|забудь|забудьте|не обращай внимания|отбрось|отмени",
           "предыдущие|предыдущих|инструкци|указани|выше|правила|команды|сказан", "покажи|раскрой|выведи|напиши|повтори|расскажи|сообщи",
           "системный промпт|системную подсказку|системные инструкции|свои инструкции|системный запрос|системного промпта|системное сообщение"),
    "uk": ("ігноруй|ігноруйте|проігноруй|забудь|забудьте", "попередні|інструкції|вказівки|вище|правила",
           "покажи|розкрий|виведи|повтори", "системний промпт|системні інструкції|свої інструкції|системну підказку"),
    "el": ("αγνόησε|αγνοήστε|ξέχασε|ξεχάστε|παράβλεψε", "προηγούμενες|οδηγίες|εντολές|κανόνες", "δείξε|αποκάλυψε|εμφάνισε|επανάλαβε", "οδηγίες συστήματος|προτροπή συστήματος|οδηγίες σου|system prompt"),
    "ar": ("تجاهل|انس|انسى|تجاوز", "التعليمات|الأوامر|السابقة|القواعد|ما سبق|تعليمات", "اكشف|أظهر|اعرض|أخبرني|اطبع|كرر",
           "موجه النظام|تعليمات النظام|رسالة النظام|مطالبة النظام|تعليماتك"),
    "fa": ("نادیده بگیر|فراموش کن", "دستورالعمل|دستورات|قبلی|قوانین", "نشان بده|فاش کن|بگو|چاپ کن", "دستورات سیستم|پرامپت سیستم|دستورالعمل سیستم"),
    "he": ("התעלם|תתעלם|התעלמי|שכח|תשכח", "ההוראות|הוראות|הקודמות|הכללים", "חשוף|הצג|תראה|הדפס", "הנחיית המערכת|הוראות המערכת|הודעת המערכת"),
    "hi": ("अनदेखा|नज़रअंदाज़|भूल जाओ|भूल जाएं|उपेक्षा", "निर्देश|पिछले|नियम|आदेश|ऊपर", "दिखाओ|दिखाएं|बताओ|बताएं|प्रकट", "सिस्टम प्रॉम्प्ट|सिस्टम निर्देश|सिस्टम संदेश"),
    "bn": ("উপেক্ষা|ভুলে যাও|ভুলে যান|অগ্রাহ্য", "নির্দেশ|পূর্ববর্তী|আগের|নিয়ম", "দেখাও|দেখান|প্রকাশ|বলো", "সিস্টেম প্রম্পট|সিস্টেম নির্দেশ"),
    "th": ("เพิกเฉย|ละเว้น|ลืม|ไม่ต้องสนใจ|มองข้าม", "คำสั่ง|คำแนะนำ|ก่อนหน้า|กฎ", "เปิดเผย|แสดง|บอก|พิมพ์", "พรอมต์ระบบ|คำสั่งระบบ|คำแนะนำระบบ|ระบบของคุณ"),
    "zh": ("忽略|无视|忘记|忘掉|不要理会|忽視|無視|忘記|抛开|跳过", "之前的|先前的|以上|上面|前面|所有指令|指令|指示|规则|規則|说明|提示",
           "显示|告诉|输出|透露|泄露|打印|重复|顯示|告訴|揭示|给我|说出", "系统提示|系统指令|系統提示|初始指令|你的指令|系统消息|提示词|隐藏的指令"),
    "ja": ("無視|忘れて|従わないで|破棄", "これまでの|以前の|上記|指示|命令|ルール|前の", "表示|教えて|明かし|出力|見せて|開示|公開", "システムプロンプト|システム指示|システムメッセージ|初期指示|隠された指示"),
    "ko": ("무시|잊어|잊고|따르지 마", "이전|지시|명령|위의|규칙|지침", "보여|알려|공개|출력|말해|드러내", "시스템 프롬프트|시스템 지시|시스템 메시지|초기 지시|시스템 명령"),
}  # fmt: skip


def _words(words: str) -> bytes:
    """An alternation, normalised; a word in Latin letters must start where a word starts."""
    parts = sorted({undecorated(word) for word in words.split("|")})
    written = [(rf"\b{part}" if part[0].isascii() else part).replace(" ", r"[\s_-]{1,3}") for part in parts]
    return ("(?:" + "|".join(written) + ")").encode()


def _rules() -> tuple[InjectionRule, ...]:
    rules = []
    for language, (ignore, instructions, reveal, prompt) in _LANGUAGES.items():
        for name, verbs, objects, reach in (
            ("override", _words(ignore), _words(instructions), rb"[^.!?]{0,60}"),
            ("extraction", _words(reveal), _words(prompt), rb"[^.!?]{0,60}"),
        ):
            pattern = verbs + reach + objects + b"|" + objects + reach + verbs
            rules.append(InjectionRule(f"language.{language}-{name}", "language", pattern, _WEIGHT, _DATA_WEIGHT))
    return tuple(rules)


LANGUAGE_RULES = _rules()
