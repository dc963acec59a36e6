-- How managers themselves grow: the first weeks as tasks, certificates renewed before they expire.
local kept_task <const> = require "kept_task"

local MAX <const> = 500
local SOON <const> = "90d"

-- The steps of a plan become tasks of who begins; each has one origin, so nothing is made twice.
px.on("onboarding.created", function(event)
  local onboarding = event.after
  for step in px.store.each("onboarding_step", { filter = { plan = onboarding.plan } }) do
    px.store.upsert("task", { origin = "onboarding:" .. event.id .. ":" .. step.id }, {
      title = step.title, owner = onboarding.user, due = px.date.parse(tostring(onboarding.started_on)) + (step.days .. "d"),
      effort_hours = step.effort_hours, kind = "onboarding", onboarding = event.id,
    })
  end
end)

local function finish(id, on)
  local onboarding = px.store.get("onboarding", id)
  if onboarding and not onboarding.completed_on and not px.store.first("task", { filter = { onboarding = id, state = "open" } }) then
    px.store.update("onboarding", id, { completed_on = on })
  end
end

px.on("task.state.done", { key = "onboarding" }, function(event)
  if event.after.onboarding then
    finish(event.after.onboarding, px.date.today(px.config.get("zone")))
  end
end)

local function origin(id)
  return "certificate:" .. id .. ":renew"
end

-- A task for the owner on the day of the reminder, due when the certificate expires.
px.schedule("certificates", "10 6 * * *", { zone = "Europe/Athens", missed = "once" }, function()
  local today = px.date.today(px.config.get("zone"))
  for certificate in px.store.each("certificate", { filter = { remind_on = { "le", today }, renewed = false } }) do
    if not px.store.first("task", { filter = { origin = origin(certificate.id) } }) then
      px.store.create("task", {
        origin = origin(certificate.id), kind = "certificate", certificate = certificate.id, owner = certificate.user,
        title = px.i18n.t("task.certificate", { name = certificate.name }, { language = px.config.get("language") }),
        due = certificate.expires_on,
      })
    end
  end
end)

-- What renews another one ends its reminder.
px.on("certificate.created", { key = "renews" }, function(event)
  local old = event.after.renews
  if not old then
    return
  end
  px.store.update("certificate", old, { renewed = true })
  kept_task.close(origin(old), "done")
end)

--- valid, expiring, expired, renewed; unknown where no day of expiry is known.
local function standing(certificate, today)
  if certificate.renewed then
    return "renewed"
  elseif not certificate.expires_on then
    return "unknown"
  elseif certificate.expires_on < today then
    return "expired"
  end
  return certificate.expires_on <= today + SOON and "expiring" or "valid"
end

local function certificates_of(user, today)
  local list = px.json.list {}
  for i, one in ipairs(px.store.find("certificate", { filter = { user = user }, order = "expires_on", limit = MAX })) do
    list[i] = { id = one.id, name = one.name, requirement = one.requirement, expires_on = one.expires_on, standing = standing(one, today) }
  end
  return list
end

local function training_of(user, year)
  local from, to = px.date.parse(year .. "-01-01"), px.date.parse(year .. "-12-31")
  local filter = { user = user, state = "completed", completed_on = { "between", { from, to } } }
  local hours, unknown, done = px.decimal(0, 2), 0, px.store.find("training", { filter = filter, limit = MAX })
  for _, one in ipairs(done) do
    if one.hours then
      hours = hours + one.hours
    else
      unknown = unknown + 1
    end
  end
  return {
    year = year, completed = #done, hours = hours, hours_unknown = unknown,
    planned = px.store.count("training", { filter = { user = user, state = "planned" } }),
  }
end

local function onboardings_of(user)
  local list = px.json.list {}
  for i, one in ipairs(px.store.find("onboarding", { filter = { user = user }, include = { "plan" }, limit = 50 })) do
    list[i] = {
      id = one.id, plan = one.plan and one.plan.name, started_on = one.started_on, completed_on = one.completed_on,
      open = px.store.count("task", { filter = { onboarding = one.id, state = "open" } }),
      steps = px.store.count("task", { filter = { onboarding = one.id } }),
    }
  end
  return list
end

-- GET /x/relations/development/:user?year=2026
px.route("GET", "/development/:user", function(request)
  local today = px.date.today(px.config.get("zone"))
  local year = math.tointeger(tonumber(request.query.year or today.year))
  local user = px.store.get("user", request.params.user)
  if not user then
    return px.http.problem(404, "not_found", "there is no such user")
  elseif not year or year < 1900 or year > 2200 then
    return px.http.problem(422, "range", "the year is 1900 to 2200", { pointer = "/year" })
  end
  return { json = {
    user = user.id, name = user.label or user.name, certificates = certificates_of(user.id, today),
    training = training_of(user.id, year), onboarding = onboardings_of(user.id),
  } }
end)

px.command("certificates", {
  help = { en = "certificates that have expired or will within some days", el = "πιστοποιητικά που έληξαν ή λήγουν εντός ημερών" },
  args = { { "days", "integer", default = 90, named = true, help = { en = "within so many days", el = "εντός τόσων ημερών" } } },
}, function(args, out)
  local today, columns, rows = px.date.today(px.config.get("zone")), {}, {}
  for i, column in ipairs { "who", "name", "expires_on", "standing" } do
    columns[i] = { column, px.i18n.t("development." .. column, nil, { language = out.language }) }
  end
  local filter = { expires_on = { "le", today + (args.days .. "d") }, renewed = false }
  for i, one in ipairs(px.store.find("certificate", { filter = filter, order = "expires_on", include = { "user" }, limit = MAX })) do
    rows[i] = {
      who = one.user and (one.user.label or one.user.name), name = one.name, expires_on = one.expires_on, standing = standing(one, today),
    }
  end
  out.table(columns, rows)
end)
