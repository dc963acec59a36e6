-- B3: a version that comes into force asks each person of the audience to attest, a later one asks again; exceptions end by themselves.
local ask <const> = require "ask"
local audience <const> = require "audience"
local kept <const> = require "kept"
local receipts <const> = require "receipts"
local work <const> = require "work"

kept.fields("attestation_campaign", { "origin" })

local value <const> = kept.value

px.before("standard_version.update", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.state == "in_force" or draft.state == "superseded" then
      px.refuse("state", px.i18n.t("standards.by_itself"))
    end
    local before = px.store.get("standard_version", draft.id)
    if before and before.state ~= "draft" and (draft.body ~= nil or draft.document ~= nil or draft.effective_from ~= nil) then
      px.refuse("body", px.i18n.t("standards.fixed"))
    end
    local version = draft.state == "issued" and kept.whole("standard_version", draft)
    if version and not value(version.body) and not value(version.document) then
      px.refuse("body", px.i18n.t("standards.empty"))
    end
    local standard = version and px.store.get("standard", version.standard)
    if standard and audience.is_empty(standard) then
      px.refuse("standard", px.i18n.t("standards.nobody"))
    end
  end
end)

local attestations <const> = receipts.define {
  parent = "attestation_campaign", parent_field = "campaign", receipt = "attestation", prefix = "attest", task = "standards.task",
  spreading = "business.attestation_spreading", reminding = "business.attestation_reminding", reminded = "business.attestation_reminded",
  due = function(campaign) return campaign.due_on end, due_field = "due",
  active = function(campaign, today) return campaign.state == "open" and campaign.starts_on <= today end,
  audience = function(campaign)
    local version = px.store.get("standard_version", campaign.version_of)
    return version and px.store.get("standard", version.standard) or {}
  end,
}

local function enter(version)
  if version.state == "issued" and version.effective_from <= work.today() then
    px.store.update("standard_version", version.id, { state = "in_force" })
  end
end

px.on("standard_version.state.issued", { key = "standard" }, function(event)
  enter(px.store.get("standard_version", event.id))
end)

-- The version before gives way, and with it what was asked about it.
local function supersede(version)
  for other in px.store.each("standard_version", { filter = { standard = version.standard, state = "in_force", id = { ne = version.id } } }) do
    px.store.update("standard_version", other.id, { state = "superseded", effective_until = version.effective_from })
    for campaign in px.store.each("attestation_campaign", { filter = { version_of = other.id, state = "open" } }) do
      px.store.update("attestation_campaign", campaign.id, { state = "closed" })
    end
  end
end

px.on("standard_version.state.in_force", { key = "standard" }, function(event)
  local version = px.store.get("standard_version", event.id)
  local standard = px.store.get("standard", version.standard)
  supersede(version)
  local today = work.today()
  px.store.upsert("attestation_campaign", { origin = "standard:" .. version.id }, {
    title = px.text.sub(standard.title .. " " .. version.number, 1, 200), version_of = version.id, owner = standard.owner, starts_on = today,
    due_on = today + (standard.attest_days .. "d"), remind_every = standard.remind_every,
  })
end)

px.on("attestation_campaign.created", { key = "id" }, function(event)
  attestations.spread(event.id)
end)

px.on("attestation_campaign.state.closed", { key = "id" }, function(event)
  receipts.release(attestations, event.id)
end)

--- An exception ends by itself, and says so to who asked for it.
local function expire(exception)
  px.store.update("standard_exception", exception.id, { state = "ended" })
  px.bus.emit("business.exception_ended", { exception = exception.id, standard = exception.standard })
  work.keep("exception:" .. exception.id, {
    title = px.i18n.t("standards.exception_ended", { title = exception.title }), owner = exception.owner, organisation = exception.unit,
    due = work.today(),
  })
end

px.schedule("standards", "15 7 * * *", { zone = "Europe/Athens", missed = "once" }, function()
  local today = work.today()
  for version in px.store.each("standard_version", { filter = { state = "issued", effective_from = { le = today } } }) do
    enter(version)
  end
  for exception in px.store.each("standard_exception", { filter = { state = { "in", { "requested", "approved" } }, expires_on = { lt = today } } }) do
    expire(exception)
  end
  for standard in px.store.each("standard", { filter = { retired = false, review_on = { le = today + "30d" } } }) do
    work.keep("standard:" .. standard.id .. ":" .. tostring(standard.review_on), {
      title = px.i18n.t("standards.review", { title = standard.title }), owner = standard.owner, due = standard.review_on })
  end
  receipts.morning(attestations, { state = "open" })
end)

-- GET /x/business/attestations/overdue: who should have attested, the longest overdue first.
px.route("GET", "/attestations/overdue", function(request)
  local today, now, rows = work.today(), px.date.now(), {}
  local found, next_page = px.store.find("attestation", {
    filter = { acknowledged = false, due = { lt = today }, ["campaign.state"] = "open" }, order = "due",
    limit = ask.limit(request), after = request.query.after })
  for i, attestation in ipairs(found) do
    rows[i] = receipts.shown(attestation, now)
    rows[i].days_overdue = px.date.diff(today, attestation.due)
  end
  return px.http.json { data = px.json.list(rows), next = next_page or px.null }
end)

-- POST /x/business/standards/:id/attest: to the version in force, for oneself.
px.route("POST", "/standards/:id/attest", function(request)
  local attestation = px.store.first("attestation", {
    filter = { ["campaign.version_of.standard"] = request.params.id, ["campaign.state"] = "open", person = px.actor.user() or px.null },
    order = "acknowledged,-created_at" })
  if not attestation then
    return px.http.problem(404, "not_found", px.i18n.t("standards.not_asked"))
  end
  if not attestation.acknowledged then
    px.store.update("attestation", attestation.id, { acknowledged = true, acknowledged_at = px.date.now() })
  end
  return px.http.json { attestation = attestation.id, title = attestation.title, acknowledged = true }
end)
