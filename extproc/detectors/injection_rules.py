# ruff: noqa: E501 - a table row is one line
"""The rules for prompt injection, English. Written for the normalised view: lower case, plain letters.

`_` in a pattern stands for what may separate two words, so punctuation, line ends and missing blanks do not help. A
rule's weight is what its evidence alone is worth; families add up as independent evidence does.
"""

from dataclasses import dataclass
from typing import Literal

Family = Literal[
    "override", "extraction", "persona", "mode", "template", "suppression", "prefix", "authority", "exfiltration",
    "decode", "completion", "agentic", "hijack", "language",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class InjectionRule:
    """`weight` for what a user says; `data_weight` for the same words in tool output or a document, where nobody has
    a reason to address the model. `mention` = discounted when the text only talks about it."""

    id: str
    family: Family
    pattern: bytes
    weight: int
    data_weight: int
    mention: bool = True


_GAP = r"[\W_]{0,4}"


def _p(pattern: str) -> bytes:
    return pattern.replace("_", _GAP).encode()


_FORGET = r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|ing)|bypass|neglect|do_not_(?:follow|obey)|don_t_(?:follow|obey)|stop_following|skip|set_aside|drop|discard|cancel|erase|delete|void)"
_FILL = r"(?:all|any|every|everything|the|your|my|of|these|those|other|prior|previous|previously|above|preceding|earlier|foregoing|initial|original|existing|system|given|developer|and|or|following|safety|last|past|current|entire|whole|content|that|i|you|have|been|were|said|told|set|to|security|hidden)"
_RULES = r"(?:instructions?|prompts?|rules?|directions?|directives?|guidelines?|commands?|polic(?:y|ies)|constraints?|restrictions?|programming|assignments?|protocols?|filters?)"
_REMARKS = r"(?:orders?|context|messages?|training|conversations?|tasks?|requests?|text|inputs?|statements?|content|questions?|sentences?|paragraphs?)"
_PAST = r"(?:previous|previously|prior|above|preceding|earlier|foregoing|initial|original|before|system|developer|given|safety|past|so_far|told|existing)"
_NOUN = (
    r"(?:prompts?|instructions?|messages?|rules?|guidelines?|directives?|configuration|config|context|text|settings)"
)
_EARLIER = r"(?:first|previous|above|starting|preceding|prior|exact|full|entire|base|custom|very)"
_ITS_PROMPT = rf"(?:{_EARLIER}_){{0,2}}(?:system|initial|hidden|original|secret|internal|developer|pre|confidential|meta)_(?:(?:system|initial|hidden|chat)_)?{_NOUN}"
_TELL = r"(?:reveal|show|print|output|display|repeat|tell|give|write|leak|expose|share|disclose|dump|return|echo|recite|copy|paste|list|send|provide|summari[sz]e|translate|spell|encode|describe|rewrite|say|state|export|convert|read|reproduce|quote|type)"
_ME = r"(?:_(?:me|us|to|out|back|verbatim|exactly|here|all|of|the|your|that|what|is|in|a|its|this|everything|complete|full|entire|please|word|for|contents?|from|exact|above|about|into|now|markdown|text|code|block)){0,6}"
_MODEL = r"(?:you|ai|assistant|chatgpt|gpt|model|bot|llm|claude|gemini|copilot)"

_TABLE: tuple[tuple[str, Family, str, int, int], ...] = (
    # --- override
    ("override.ignore-previous", "override", rf"{_FORGET}_(?:{_FILL}_){{0,4}}{_PAST}_(?:{_FILL}_){{0,3}}{_RULES}", 78, 85),
    ("override.ignore-previous", "override", rf"{_FORGET}_(?:{_FILL}_){{0,3}}{_RULES}_(?:{_FILL}_){{0,3}}(?:above|before|previously|earlier|prior|so_far|received|given|got)", 78, 85),
    ("override.ignore-remarks", "override", rf"{_FORGET}_(?:{_FILL}_){{0,4}}{_PAST}_(?:{_FILL}_){{0,3}}{_REMARKS}", 40, 66),
    ("override.ignore-all", "override", rf"{_FORGET}_(?:all|any|your|everything|every)_(?:{_FILL}_){{0,3}}(?:instructions|prompts|rules|guidelines|directives|policies|programming|training|restrictions|filters|protocols)", 72, 80),
    ("override.ignore-everything", "override", r"(?:ignore|forget|disregard)_(?:all|everything|anything|whatever)_(?:that_)?(?:(?:was|you|we|has|had|have|is|been|were)_){0,3}(?:above|before|previous(?:ly)?|prior|earlier|said|told|know|learned|until_now|so_far|happened|written)", 74, 82),
    ("override.above-and", "override", r"(?:ignore|disregard|forget)_(?:the_)?(?:above|previous|preceding|prior|foregoing)_(?:and|instead|but|then|directions?)", 76, 84),
    ("override.new-instructions", "override", r"(?:new|updated|revised|real|actual|true)_(?:instructions?|directives?|orders?|task|rules|system_prompt|objective)_(?:are|is|:|follow|below|for_the|to_chat|from_now)", 48, 70),
    ("override.your-instructions-are-now", "override", r"your_(?:new_|only_|real_)?(?:instructions?|task|goal|purpose|objective|job|rules?)_(?:(?:is|are)_now|from_now_on|now_is)", 60, 75),
    ("override.stop-everything", "override", r"(?:stop_everything_|stop_what_you_(?:are|re)_doing_and|never_?mind_ignore|cancel_that_instead|instead_of_the_above)", 45, 65),
    ("override.adhere", "override", r"you_must_(?:strictly_)?(?:adhere_to|follow|obey)_the_following_(?:instruction|order|command)", 45, 80),
    ("override.no-longer", "override", r"(?:you_are_no_longer|you_re_no_longer)_(?:bound|restricted|limited|an?_|required|chatgpt|subject)", 62, 70),
    ("override.rules-void", "override", r"(?:rules|instructions|guidelines|restrictions|policies|previous_prompts?)_(?:no_longer|do_not|don_t|are_not|aren_t)_(?:apply|matter|valid|relevant|in_effect)", 62, 72),
    ("override.end-of", "override", r"(?:end|begin)_(?:of_)?(?:system_|user_|the_|initial_)?(?:prompt|instructions?|reprogramming|input|query)_(?:new|begin|start|now|-)", 50, 70),
    # --- prompt extraction
    ("extraction.tell-prompt", "extraction", rf"{_TELL}{_ME}_{_ITS_PROMPT}", 70, 78),
    ("extraction.earlier-text", "extraction", rf"{_TELL}{_ME}_{_EARLIER}_{_NOUN}", 46, 60),
    ("extraction.your-prompt", "extraction", rf"{_TELL}{_ME}_your_(?:own_)?(?:prompt|instructions|guidelines|directives|programming|configuration|rules|system_message)", 55, 70),
    ("extraction.what-is", "extraction", rf"what_(?:is|are|were|s|was)_(?:in_)?(?:the_|your_){{0,2}}(?:exact_|full_|very_)?{_ITS_PROMPT}", 62, 70),
    ("extraction.were-you-told", "extraction", r"what_(?:were|are|was)_(?:you|your)_(?:told|instructed|given|programmed|initially|originally)_", 40, 55),
    ("extraction.repeat-above", "extraction", r"(?:repeat|print|output|copy|echo|display|show|write|translate|summari[sz]e|encode|spell)_(?:(?:me|back|out|verbatim|all|the|of|everything|every|word|words|text|content|lines?|exactly|us)_){0,6}(?:above|before_this|preceding|that_came_before|prior_to_this|given_initially)", 58, 68),
    ("extraction.starting-with", "extraction", r"(?:starting|beginning|starts|begins)_with_[\W]{0,3}(?:you_are|you_re|the_phrase_you_are)", 65, 72),
    ("extraction.in-a-code-block", "extraction", r"(?:prompt|instructions?|rules)_(?:verbatim|word_for_word|in_full|exactly_as|in_a_code_block|in_base64)", 50, 62),
    ("extraction.secret", "extraction", r"(?:tell|give|reveal|say|what_is|what_s|print|show)_(?:me_)?(?:the|your)_(?:secret|hidden)_(?:key|password|code|word|phrase|flag)", 50, 62),
    ("extraction.before-conversation", "extraction", r"(?:text|message|words?|instructions?)_(?:you_(?:were|have_been)_(?:given|told|sent)|before_(?:our|this|the)_(?:conversation|chat))", 45, 55),
    # --- persona, no limits
    ("persona.dan", "persona", r"\b(?:do_anything_now\b|dan_mode\b|act_as_dan|you_are_dan|stands_for_do_anything|evil_?confidant|\bstan_strive|developer_mode_(?:enabled|output|v2)|jailbroken|jailbreak_mode|anti_?gpt|opposite_mode|aim_always_intelligent|machiavellian_chatbot)", 80, 85),
    ("persona.no-limits", "persona", r"\b(?:without|no|free_(?:of|from)|not_(?:bound|limited|restricted|constrained)_by|unbound_by|has_no|have_no|ignores?|lacks?|any|devoid_of)_(?:(?:any|all|the|of|moral|ethical|legal|or|and|its|your|typical|usual|such|openai|content|safety|kind|by|rules?|laws?|set|for_ai)_){0,7}(?:restrictions?|limitations?|limits?|filters?|censorship|guidelines|boundaries|constraints|moral(?:s|ity)|ethics|inhibitions|guardrails|safeguards|policies|principles)", 42, 48),
    ("persona.unfiltered", "persona", r"\b(?:unfiltered|uncensored|unrestricted|amoral|unethical|immoral|unhinged|unaligned|lawless|malicious|evil)_(?:and_)?(?:\w{1,14}_){0,2}(?:ai|assistant|chatbot|bot|language_model|gpt|chatgpt|persona|version|model|response|responses|answers?|mode|llm|confidant)\b", 62, 66),
    ("persona.pretend-ai", "persona", r"(?:pretend|act|roleplay|role_play|simulate|imagine|behave|respond|answer|going_to_be)_(?:\w{1,10}_){0,4}(?:(?:a_)?(?:different|another|new|advanced|evil|rogue|unaligned|amoral|fictional)_)(?:ai|chatbot|language_model|llm|gpt)", 48, 55),
    ("persona.never-refuse", "persona", r"(?:never|not|cannot|can_t|won_t|don_t|doesn_t|will_not|does_not|must_not)_(?:ever_)?(?:refuse|refuses|reject|decline|say_no|deny|censor|be_refused)_(?:\w{1,10}_){0,3}(?:request|requests|answer|any|question|user|to|me|anything|prompt|tasks?|output)", 52, 58),
    ("persona.regardless", "persona", r"(?:regardless|no_matter|irrespective|without_(?:regard|concern|considering))_(?:\w{1,10}_){0,4}(?:legal(?:ity)?|ethic(?:s|al)|moral(?:s|ity)?|illegal|harmful|dangerous|consequences|inhumane|immoral)", 48, 54),
    ("persona.stay-in-character", "persona", r"(?:stay|remain)_in_(?:character|dan)|break(?:ing)?_character|reminder_(?:that_)?you_are_(?:\w{1,10}_){0,3}(?:and|not)_", 22, 30),
    ("persona.free-ai", "persona", r"(?:broken?_free|freed?|escaped?|liberated?)_(?:of|from|out_of)_(?:\w{1,10}_){0,3}(?:confines|rules|restrictions|limitations|openai|chains|shackles|content)", 66, 70),
    ("persona.openai-rules", "persona", r"(?:openai|anthropic|google|microsoft|meta)_(?:\w{1,3}_)?(?:content_|usage_|safety_|ethical_)?(?:policy|policies|guidelines|rules|restrictions|terms)", 40, 46),
    ("persona.two-answers", "persona", r"(?:two|2)_(?:different_|separate_)?(?:responses?|answers?|ways|paragraphs|replies|outputs)_(?:\w{1,12}_){0,14}(?:chatgpt|gpt|normal|classic|dan|jailbreak|unfiltered|openai)", 62, 66),
    ("persona.disable-ethics", "persona", r"(?:disable|turn_off|remove|switch_off|deactivate|suspend|lift|bypass|circumvent|evade)_(?:\w{1,8}_){0,4}(?:safety|ethic(?:s|al)|moral|content|censorship)_(?:\w{1,10}_)?(?:filters?|guidelines|restrictions?|protocols?|policy|policies|features?|measures?|settings|checks?|mechanisms?|guardrails?)", 66, 72),
    ("persona.names", "persona", r"\b(?:dan|stan|ucar|basedgpt|chaosgpt|evilgpt|betterdan|maximum_bot|mongo_?tom|nraf\w?|oxtor|jailbreak)_(?:will|can_do|does_not|doesn_t|never|mode|answers|responds|must)\b", 34, 40),
    # --- modes
    ("mode.enable", "mode", r"(?:enable|enter|activate|switch_to|switch_into|go_into|turn_on|engage|initiate|you_are_(?:now_)?in|boot_into|unlock)_(?:the_|your_|a_)?(?:\w{1,12}_){0,2}(?:god|jailbreak|sudo|unrestricted|unfiltered|dan|evil|superuser|unsafe|red_?team|override|opposite)_mode", 70, 78),
    ("mode.enable-developer", "mode", r"(?:enable|enter|activate|switch_to|switch_into|go_into|turn_on|engage|initiate|boot_into|unlock)_(?:the_|your_|a_)?(?:\w{1,12}_){0,2}(?:developer|debug|admin|administrator|root|maintenance|diagnostic|service)_mode", 42, 64),
    ("mode.assignment", "mode", r"(?:developer|debug|admin|god|safe|safety|content)_?(?:mode|filter|policy|override)_[:=]_(?:enabled|on|true|off|disabled|false|1|0)", 62, 70),
    ("mode.admin-login", "mode", r"(?:login|sudo|su|user|role|mode)_[:=/]{1,2}_?(?:admin|root|developer|system|superuser)\b.{0,20}(?:mode|//|enabled|override|#)", 52, 60),
    ("mode.now", "mode", r"you_(?:are|re)_now_(?:in_)?(?:\w{1,12}_){0,2}(?:maintenance|debug|developer|admin|unrestricted|jailbroken|free|unlocked)_", 60, 70),
    # --- refusal suppression, forced prefix
    ("suppression.do-not-apologise", "suppression", r"(?:do_not|don_t|never|without|avoid|must_not|cannot)_(?:ever_)?(?:apologi[sz](?:e|ing)|mention(?:ing)?_(?:any_)?(?:ethic|polic|legal|guideline|that_you_are_an_ai)|warn(?:ing)?_me|(?:add|adding|include|including|give|giving|provide)_(?:any_)?(?:\w{1,12}_){0,2}(?:disclaimers?|warnings?|caveats?|moraliz|morali[sz]ing))", 34, 40),
    ("suppression.cannot", "suppression", r"(?:never|do_not|don_t|avoid)_(?:ever_)?(?:say|saying|use|using|include|start_with|respond_with|reply_with)_(?:\w{1,8}_){0,5}(?:i_m_sorry|i_am_sorry|i_can_?t|i_cannot|i_can_not|sorry|as_an_ai|unable|unfortunately|however)", 66, 70),
    ("suppression.refusal-forbidden", "suppression", r"(?:refus(?:e|al|ing)|declin(?:e|ing)|denying|disclaimers?|warnings?)_(?:is|are|to_\w{1,10})_(?:not_(?:allowed|permitted|an_option|acceptable)|forbidden|prohibited|unacceptable)", 62, 66),
    ("prefix.begin-with", "prefix", r"(?:start|begin|starting|beginning|prefix|open|respond)_(?:\w{1,10}_){0,5}(?:with|by_saying|using)_(?:\w{1,10}_){0,5}[\W]{0,3}(?:sure_here|sure_|absolutely_here|absolutely|of_course_here|certainly_here|yes_master|certainly_i)", 62, 64),
    ("prefix.exact", "prefix", r"(?:following_exact_structure|your_response_must_(?:start|begin)_with|my_output_has_to_be|never_(?:ever_)?deviate_from_it)", 40, 48),
    ("prefix.sure-here-is", "prefix", r"[\W]sure_here_(?:is|are|s)_(?:\w{1,12}_){1,10}(?:hypothetical|step|now|tutorial|script|guide)", 20, 30),
    # --- authority
    ("authority.fake", "authority", r"(?:i_am|i_m|this_is|speaking_as|as)_(?:your|the|an?|from)_(?:\w{1,10}_)?(?:openai|anthropic|developer_of_this|creator|system_administrator|sysadmin|openai_(?:developer|engineer|employee)|red_team(?:er)?|root_user|owner_of_this)_?(?:\w{1,10}_){0,6}(?:authori[sz]|override|command|need|order|access|debug|test|instruct|reveal|show|print)", 56, 66),
    ("authority.debugging", "authority", r"(?:debug(?:ging)?|troubleshoot(?:ing)?|audit(?:ing)?|diagnostics?|compliance)_(?:\w{1,10}_){0,5}(?:show|print|reveal|output|display|need|share|provide)_(?:\w{1,10}_){0,3}(?:system_prompt|system_instructions|your_instructions|your_prompt)", 66, 72),
    ("authority.system-tag", "authority", r"(?:^|[\n\"'.])\s{0,4}[#*\[<({]{1,4}_?(?:system|admin|developer|important|priority)_?(?:message|override|notice|note|update|instructions?|prompt|command|alert)?_?[\]>)}*:#]{1,4}", 26, 55),
    # --- exfiltration
    ("exfiltration.markdown-image", "exfiltration", r"!\[[^\]\n]{0,60}\]\(https?://[^)\s]{1,200}[?&=][^)\s]{0,200}(?:\{|\[|<|secret|data=|conversation|prompt|history)", 66, 75),
    ("exfiltration.send-to", "exfiltration", r"(?:send|post|upload|forward|exfiltrate|transmit|email|leak|submit|append)_(?:\w{1,12}_){0,8}(?:conversation|chat_?history|system_prompt|credentials?|passwords?|api_?keys?|secrets?|tokens?|private_keys?|env(?:ironment)?_variables?|contents_of|user_data|personal_data|ssh_keys?|cookies)_(?:\w{1,12}_){0,4}to_(?:https?|\w{1,20}@|this|the_following|my|attacker|an_external|the_url)", 72, 82),
    ("exfiltration.exfiltrate", "exfiltration", r"exfiltrate_(?:\w{1,12}_){0,4}(?:data|keys?|secrets?|credentials?|prompt|files?|information|records|database)", 52, 66),
    # --- decode and obey
    ("decode.and-obey", "decode", r"(?:decode|decrypt|deobfuscate|unscramble|rot_?13|base_?64|backwards|reverse)_(?:\w{1,12}_){0,10}(?:and|then)_(?:\w{1,8}_){0,2}(?:follow|execute|obey|do|answer|act|comply|perform|run|respond|carry_out)", 32, 60),
    ("decode.concatenate", "decode", r"(?:let|set|assume|define)_[a-z]_=_[\W\w]{1,60}(?:print|say|output|answer|respond|execute)_(?:\w{1,8}_){0,3}[a-z]_\+_[a-z]", 50, 58),
    # --- fake completion of the task at hand
    ("completion.task-done", "completion", r"(?:task|request|summary|answer|translation|analysis)_(?:is_)?(?:complete|completed|done|finished)_(?:\w{1,10}_){0,3}(?:now|next|please|new|ignore|your|instead)", 34, 66),
    ("completion.achieved", "completion", r"(?:achievements|goals?|objectives?)_of_the_task_(?:have|has)_been_(?:obtained|achieved|reached|met)", 20, 36),
    ("completion.observation", "completion", r"observation_:_.{0,80}\n?_(?:ignore|please|now|instead|you_must)", 20, 45),
    # --- tools and agents
    ("agentic.privilege", "agentic", r"(?:grant|give|assign|add|bind|escalate|elevate)_(?:\w{1,12}_){0,6}(?:cluster_admin|root_access|admin_(?:access|rights|privileges|role)|administrator_(?:access|rights|privileges)|superuser|sudo_access|full_access|owner_role|privileges_to_(?:root|admin))", 58, 70),
    ("agentic.disable-audit", "agentic", r"(?:disable|turn_off|stop|delete|clear|wipe|erase|purge|suppress|tamper_with|remove|shut_down)_(?:\w{1,10}_){0,4}(?:audit_?(?:logs?|logging|trail|ing)|security_logs?|event_logs?|monitoring_and_alert|cloudtrail|guardduty|edr|defender|antivirus|access_logs)", 52, 66),
    ("agentic.dump-and-export", "agentic", r"(?:dump|export|extract|copy|download|harvest|steal|read)_(?:\w{1,12}_){0,5}(?:database|credentials?|passwords?|secrets?|api_keys?|tokens?|customer_(?:data|records)|user_table|etc/shadow|/etc/passwd)_(?:\w{1,12}_){0,6}(?:and|from|then|to|into)_(?:\w{1,10}_){0,3}(?:export|credentials?|_env\b|dot_?env|send|upload|post|secrets?|external|environment|vault|email|attacker|pastebin)", 72, 80),
    ("agentic.destroy", "agentic", r"(?:rm_-rf_/|drop_(?:all_)?(?:tables|databases)|delete_all_(?:files|records|backups|data|users|tables)|wipe_the_(?:disk|database|server)|kubectl_delete_(?:ns|namespace|all)|format_c:)", 38, 58),
    ("agentic.silently", "agentic", r"(?:without|do_not|don_t|never)_(?:\w{1,8}_){0,3}(?:telling|tell|notifying|notify|informing|inform|alerting|alert|asking|mention(?:ing)?_(?:this|it)|letting)_(?:\w{1,8}_){0,2}(?:the_)?(?:user|anyone|admin|security|owner|human|them|operator)", 36, 64),
    ("agentic.covert", "agentic", r"(?:subtly|covertly|secretly|silently|stealthily|quietly)_(?:\w{1,10}_){0,2}(?:alter|modify|change|corrupt|delete|manipulate|disable|install|transfer|redirect|insert|exfiltrate|steal|copy|send|access|record)", 44, 66),
    ("agentic.tool-call", "agentic", r"(?:call|invoke|use|run|execute)_(?:the_)?(?:\w{1,20}_){1,4}(?:tool|function|command)_(?:\w{1,10}_){0,6}(?:delete|transfer|send|exfiltrate|drop|rm_-rf|grant|wire|purchase)", 24, 48),
    ("agentic.remote-code", "agentic", r"(?:curl|wget)_[^\n|]{4,120}\|_(?:sudo_)?(?:ba|z)?sh\b", 20, 45),
    # --- answers hijacked
    ("hijack.just-print", "hijack", r"(?:just|only|simply|instead|and)_(?:print|say|output|write|respond_with|reply_with|answer_with|return)_(?:\w{1,8}_){0,3}[\"'“‘](?:i_hate|i_have_been|haha|pwned|hacked|kill_all|this_prompt)", 70, 78),
    ("hijack.instead", "hijack", r"instead_(?:of_(?:answering|summari[sz]ing|translating|doing|the_(?:above|task|summary))|please_|just_)_?(?:\w{1,10}_){0,4}(?:say|print|output|write|tell|respond|reply|return|send|include)", 30, 58),
    ("hijack.only-answer", "hijack", r"(?:from_now_on|henceforth|starting_now|for_the_rest_of_(?:this|our|the)_(?:conversation|chat|session))_(?:\w{1,10}_){0,4}(?:you|your|answer|respond|reply|act|ignore|obey|only|speak)", 34, 52),
    ("hijack.when-asked", "hijack", r"(?:when|if|whenever)_(?:the_user_asks|you_are_asked|asked_(?:for|about|to))_(?:\w{1,10}_){0,8}(?:always|instead|only|say|recommend|reply|answer|tell|include|rate)_", 14, 46),
    ("hijack.to-the-model", "hijack", r"(?:attention|note_to|message_(?:to|for)|instructions?_(?:to|for)|dear|hey|hello)_(?:the_|any_|all_)?(?:ai|llm|language_model|assistant|chatgpt|gpt|agent|model|bot)(?:_(?:assistant|agent|model|system|reading|summari[sz]ing|processing))?\b", 18, 56),
    # --- chat templates: no text for people contains them
    ("template.tokens", "template", r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|begin_of_text|endofprompt)\|>", 58, 74),
    ("template.inst", "template", r"\[/?inst\]|<</?sys>>|<start_of_turn>|<end_of_turn>|\[system\]\(#|<\|?/?(?:system|assistant)\|?>\s{0,3}\w", 50, 70),
    ("template.roles", "template", r"(?:^|\n)_?#{2,4}_?(?:system|assistant|instruction)_?:?_\n[\W\w]{0,60}(?:ignore|you_(?:are|must)|new|override|reveal)", 44, 64),
    ("template.closing-tag", "template", r"</(?:system|instructions?|prompt|user_input|user|document|context|data|input)>_(?:\w{1,10}_){0,4}<?(?:system|instructions?|new|ignore|you)", 50, 68),
    ("template.json-role", "template", r"[\"']role[\"']_:_[\"']system[\"']_,_[\"']content[\"']_:", 34, 56),
)  # fmt: skip

RULES: tuple[InjectionRule, ...] = tuple(
    InjectionRule(id_, family, _p(pattern), weight, data, family != "template")
    for id_, family, pattern, weight, data in _TABLE
)
