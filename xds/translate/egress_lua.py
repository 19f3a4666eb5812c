"""The Lua of the egress gate: the model's bytes, the path, and which headers a provider gets to see.

Envoy's own filters can neither change `:path` there nor replace bytes of a body faithfully. The script knows no JSON:
the processor, which has parsed the body, says where the model's string stands (MODEL_SPAN). Traps it walks around:

  - an uncaught error lets the request pass unchanged, so everything runs under pcall and ends in a 500 instead
  - header objects die across body(), so they are fetched after it
  - headers do not start afresh with each attempt, so what must not reach the wire is kept in metadata, and the path
    is rebuilt from its end
"""

from typing import Final

from forebay import contract
from xds.translate.apis import Manner

# What every provider is told, beside its own credential, injected just before, and the headers of its API; everything
# else, x-forwarded-*, cookies and ours included, stays here.
SENT: Final = (
    ":method", ":scheme", ":authority", ":path", "host",
    "content-type", "content-length", "transfer-encoding", "accept", "user-agent",
    contract.REQUEST_ID, "traceparent",
)  # fmt: skip

_TEMPLATE: Final = """
local SENT = {@sent@}
local OPERATIONS = {@operations@}
local QUOTE = 34

local function remembered_span(handle, headers)
  local metadata = handle:streamInfo():dynamicMetadata()
  local span = headers:get("@span@")
  if span then
    metadata:set("@egress@", "span", span)
    return span
  end
  local kept = metadata:get("@egress@")
  return kept and kept["span"]
end

local function provider_path(headers)
  local path, query = string.match(headers:get(":path"), "^([^?]*)(.*)$")
  for _, operation in ipairs(OPERATIONS) do
    if string.sub(path, -#operation) == operation then
      return (headers:get("@path@") or "") .. operation .. query
    end
  end
  error("not an operation of ours")
end

local function swap_model(handle, body, span, wanted)
  local first, size = string.match(span, "^(%d+):(%d+)$")
  first, size = tonumber(first), tonumber(size)
  if not first or size < 2 or first + size > body:length() then error("the span is outside the body") end
  local found = body:getBytes(first, size)
  if string.byte(found, 1) ~= QUOTE or string.byte(found, size) ~= QUOTE then error("no string at the span") end
  if found == wanted then return nil end
  local before = body:getBytes(0, first)
  local after = body:getBytes(first + size, body:length() - first - size)
  return body:setBytes(before .. wanted .. after)
end

local function keep_only_sent(headers)
  local dropped = {}
  for name, _ in pairs(headers) do
    if not SENT[name] then dropped[#dropped + 1] = name end
  end
  for _, name in ipairs(dropped) do headers:remove(name) end
end

local function work(handle)
  local body = handle:body()
  if not body then error("no body") end
  local headers = handle:headers()
  local span = remembered_span(handle, headers)
  local wanted = headers:get("@model@")
  if not span or not wanted then error("no span or no model") end
  local length = swap_model(handle, body, span, wanted)
  headers:replace(":path", provider_path(headers))
  keep_only_sent(headers)
  if length then headers:replace("content-length", tostring(length)) end
end

function envoy_on_request(handle)
  local fine, fault = pcall(work, handle)
  if not fine then
    handle:logErr("egress: " .. tostring(fault))
    handle:respond({[":status"] = "500"}, "")
  end
end
"""


def source(manner: Manner) -> str:
    """The script for providers of one API, with our names filled in."""
    filled = _TEMPLATE.strip() + "\n"
    for name, text in {
        "sent": ", ".join(f'["{header}"] = true' for header in (*SENT, manner.credential, *manner.headers)),
        "operations": ", ".join(f'"{operation}"' for operation in manner.operations),
        "span": contract.MODEL_SPAN,
        "egress": contract.EGRESS,
        "path": contract.UPSTREAM_PATH,
        "model": contract.UPSTREAM_MODEL,
    }.items():
        filled = filled.replace(f"@{name}@", text)
    return filled
