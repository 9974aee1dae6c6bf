-- The requests of wrk. Arguments: the kind of request, the key, the number of the first person, the mean pause of a
-- connection between two requests (ms; 0: none), the expected status (0: not checked, which is faster), for `status` the
-- number of stored leads, and for `add-many` the number of rows of a request.

-- See phone-numbers.ts.
local stride = 61803399

local kind, key, person, pause, stored, rows

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  kind, key = arguments[1], arguments[2]
  person, pause = tonumber(arguments[3]), tonumber(arguments[4])
  local expected = tonumber(arguments[5])
  stored, rows = tonumber(arguments[6]), tonumber(arguments[7])
  unexpected = 0
  if expected == 0 then return end
  function response(status)
    if status ~= expected then unexpected = status end
  end
end

local function lead(mobile)
  return '{"email":"john.doe@test.com","first_name":"John","surname":"Doe","mobile":"' .. mobile ..
    '","type":"motor-trade","delays":86400,"data":"{\\"vehicle_make\\":\\"Ford\\"}"}'
end

local function mobileOf(number)
  return string.format("078%08d", (number * stride) % 100000000)
end

-- A request that adds the people after `first`.
local function leads(first)
  local all = {}
  for row = 1, rows do
    all[row] = '{"ref":"' .. row .. '",' .. lead(mobileOf(first + row)):sub(2)
  end
  return '{"leads":[' .. table.concat(all, ",") .. "]}"
end

local headers = { ["Content-Type"] = "application/json" }

function request()
  person = person + 1
  headers["Authorization"] = "Bearer " .. key
  if kind == "status" then
    -- A random lead that growth.ts has stored. Not all numbers that begin with 07911 are valid.
    local mobile
    repeat
      mobile = string.format("079%08d", (math.random(1, stored) * stride) % 100000000)
    until mobile:sub(1, 5) ~= "07911"
    return wrk.format("POST", "/lead/status", headers, '{"mobile":"' .. mobile .. '","type":"motor-trade"}')
  end
  if kind == "add-many" then
    local body = leads(person)
    person = person + rows
    return wrk.format("POST", "/lead/add-many", headers, body)
  end
  local mobile = mobileOf(person)
  if kind == "invalid" then
    -- The number is too short.
    return wrk.format("POST", "/lead/add", headers, lead("0784"))
  end
  if kind == "invalid-key" then
    -- Each from another address, as a trusted proxy reports it: one address gets only 30 responses with 401.
    headers["Authorization"] = "Bearer leads_" .. person
    headers["X-Forwarded-For"] = string.format("10.%d.%d.%d", person / 65536 % 256, person / 256 % 256, person % 256)
  end
  return wrk.format("POST", "/lead/add", headers, lead(mobile))
end

function delay()
  if pause == 0 then return 0 end
  return math.random(0, math.floor(2 * pause))
end

function done(summary, latency)
  local statuses = summary.errors.status
  local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  local unexpected = 0
  for _, thread in ipairs(threads) do unexpected = math.max(unexpected, thread:get("unexpected")) end
  io.write(string.format(
    '\nRESULT {"requests":%d,"microseconds":%d,"refused":%d,"broken":%d,"unexpected":%d,"p50":%g,"p99":%g}\n',
    summary.requests, summary.duration, statuses, broken, unexpected,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
