-- What wrk sends, and how it looks at the answers. Arguments: a directory with `head` and numbered `body-…` files, how
-- many bodies there are, and what each answer has in it.

local requests, sent, expected = {}, 0, nil
local threads = {}
wrong, told = 0, ""

local function read(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read("*a")
  file:close()
  return content
end

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  for name, value in read(args[1] .. "/head"):gmatch("([^:\n]+): ([^\n]+)") do
    wrk.headers[name] = value
  end
  for number = 1, tonumber(args[2]) do
    requests[number] = wrk.format("POST", nil, nil, read(args[1] .. "/body-" .. number))
  end
  expected = args[3]
end

-- In turns, whichever connection asks.
function request()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function response(status, _, body)
  if status ~= 200 or body:find('"errors"', 1, true) or not body:find(expected, 1, true) then
    wrong, told = wrong + 1, body:sub(1, 2000)
  end
end

function done(summary, latency)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  for _, thread in ipairs(threads) do
    failed, told = failed + thread:get("wrong"), thread:get("told")
  end
  if failed > 0 then
    io.stderr:write(string.format("%d requests failed. %s\n", failed, told))
    os.exit(1)
  end
  io.write(string.format(
    "\nfigures %d %d %d %f %f\n",
    summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99)
  ))
end
