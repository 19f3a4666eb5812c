"""What callers and providers say, read strictly and changed byte by byte. In walking order:

refusal       Refused, and the error body a caller gets for a reason
errors_page   docs/errors.md, rendered from forebay.outcomes
json_spans    strict JSON over bytes: every value with its place
fields        typed reading of those values
hints         what is known of a text beyond what it says itself
percent       a URL decoded, with the way back
documents     texts that travel encoded: data: URLs and base64
texts         every string a model could read, with its place
kept          what the provider keeps or would keep, and what to do instead
named         what in a request names something that is kept there
call          Call: one parsed request
draft         a Call in the making: what both operations share
media         content parts that are no text
parts         content parts in OpenAI's APIs
chat          /v1/chat/completions into a Call
embeddings    /v1/embeddings into a Call
messages      /v1/messages into a Call
responses_tools  which tools a call to /v1/responses may offer
responses     /v1/responses into a Call
places        code points of a text to bytes of the body
readings      the texts read in other ways: behind their keys, parts joined, numbers written out
overlaps      values out of spans that overlap, over one text or several
edit          byte edits: redact, drop tools, cap the answer's length
models_list   the body of GET /v1/models
sse           server-sent events out of chunks cut anywhere
answer        Usage, and AnswerWatch: usage and length of an answer as it passes
messages_answer  what an answer of /v1/messages says
responses_answer  what an answer of /v1/responses says
restore       placeholders in a whole answer back into their values
"""
