-- What wrk sends, and what it tells in the end: arguments are the file of requests and the first number, if requests
-- are to be told apart.

function init(args)
  local file = assert(io.open(args[1], "rb"))
  parts = {}
  for before, after in file:read("*a"):gmatch("([^\30\31]*)\31([^\30\31]*)\30") do
    parts[#parts + 1] = { before, after }
  end
  file:close()
  number = tonumber(args[2])
  turn = 0
end

function request()
  turn = turn % #parts + 1
  if not number then
    return parts[turn][1] .. parts[turn][2]
  end
  number = number + 1
  return parts[turn][1] .. string.format("%012d", number) .. parts[turn][2]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "failures": {"status": %d, "connection": %d, "late": %d}}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write, errors.timeout))
end
