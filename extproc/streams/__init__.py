"""Streamed answers, rewritten while they pass: the text the caller gets is the one it would get without streaming.

sse           events out of chunks cut anywhere, each with its original bytes
targets       where in a text a link or an image points to, as somebody could read it
addresses     its bare addresses
destinations  its destinations in markdown
markup        its tags and hidden elements
hosts         whether what stands behind a value makes it part of a host
json_prefix   what is a string, a key or neither in a text that may be JSON
rewriting     what a stream asks of those who rewrite its texts
restoring     placeholders back into values, channel by channel
calm          where a text that grows may be let go
guarding      an output guard over text that grows
names         what events are called and what counts as an index, said in one way
identifiers   strings of an answer that no guard reads
memory        what one stream may remember, counted
dialect       what a stream must know of an API: which texts an event brings
chat          the dialect of /v1/chat/completions
messages      the dialect of /v1/messages
numbers       the number of an event exchanged
unfinished    a response as far as it has been sent
responses     the dialect of /v1/responses
changes       the JSON of one event: strings exchanged, every other byte left
beside        what an answer says beside its strings: keys and numbers
repeats       texts that are said again as a whole
said          what the provider sent: usage, reasons, how much text
mould         events that are alike but for one text, recognised instead of parsed
slices        much work in pieces that are bounded by what is read
complete      strings that are complete as they come
stops         what one stream may cost, and why it may be stopped
ends          which texts have ended, and the event that may end one
line          one channel: its rewriters in turn, what they hold and since when
stream        one answer: events in, rewritten events out; what is held, and the bounds
whole         an answer that comes in one piece, guarded and restored by the same rules
"""
