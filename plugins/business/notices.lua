-- B1: a notice reaches each person of its audience once, and reminds until he has acknowledged it.
local ask <const> = require "ask"
local audience <const> = require "audience"
local kept <const> = require "kept"
local receipts <const> = require "receipts"
local work <const> = require "work"

px.before("notice.update", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.state == "published" and audience.is_empty(kept.whole("notice", draft)) then
      px.refuse("people", px.i18n.t("notices.nobody"))
    end
  end
end)

local notices <const> = receipts.define {
  parent = "notice", parent_field = "notice", receipt = "notice_receipt", prefix = "notice", task = "notices.task",
  spreading = "business.notice_spreading", reminding = "business.notice_reminding", reminded = "business.notice_reminded",
  due = function(notice) return notice.valid_until end,
  active = function(notice, today) return notice.state == "published" and notice.valid_from <= today end,
  audience = function(notice) return notice end,
}

px.on("notice.state.published", { key = "id" }, function(event)
  notices.spread(event.id)
end)

local function release(event)
  receipts.release(notices, event.id)
end

px.on("notice.state.ended", { key = "id" }, release)
px.on("notice.state.withdrawn", { key = "id" }, release)

-- Each morning: what ended ends, what begins reaches its people, who has not acknowledged is reminded.
px.schedule("notices", "0 7 * * *", { zone = "Europe/Athens", missed = "once" }, function()
  local today = work.today()
  for notice in px.store.each("notice", { filter = { state = "published", valid_until = { lt = today } } }) do
    px.store.update("notice", notice.id, { state = "ended" })
  end
  receipts.morning(notices, { state = "published", valid_from = { le = today } })
end)

-- GET /x/business/notices/:id/pending: who has not acknowledged yet.
px.route("GET", "/notices/:id/pending", function(request)
  local notice = px.try(px.store.get, "notice", request.params.id)
  if not notice then
    return px.http.problem(404, "not_found", px.i18n.t("notices.none"))
  end
  local now, rows = px.date.now(), {}
  local found, next_page = px.store.find("notice_receipt", {
    filter = { notice = notice.id, acknowledged = false }, order = "created_at", limit = ask.limit(request), after = request.query.after })
  for i, receipt in ipairs(found) do
    rows[i] = receipts.shown(receipt, now)
  end
  return px.http.json {
    notice = notice.id, title = notice.title, data = px.json.list(rows), next = next_page or px.null,
    acknowledged = px.store.count("notice_receipt", { filter = { notice = notice.id, acknowledged = true } }),
    pending = px.store.count("notice_receipt", { filter = { notice = notice.id, acknowledged = false } }),
  }
end)

-- POST /x/business/notices/:id/acknowledge: for oneself.
px.route("POST", "/notices/:id/acknowledge", function(request)
  local receipt = px.store.first("notice_receipt", { filter = { notice = request.params.id, person = px.actor.user() or px.null } })
  if not receipt then
    return px.http.problem(404, "not_found", px.i18n.t("notices.not_addressed"))
  end
  if not receipt.acknowledged then
    px.store.update("notice_receipt", receipt.id, { acknowledged = true, acknowledged_at = px.date.now() })
  end
  return px.http.json { notice = receipt.notice, acknowledged = true }
end)

local function summary(notice)
  return {
    title = notice.title, from = notice.valid_from, to = notice.valid_until or "",
    acknowledged = px.store.count("notice_receipt", { filter = { notice = notice.id, acknowledged = true } }),
    pending = px.store.count("notice_receipt", { filter = { notice = notice.id, acknowledged = false } }),
  }
end

-- `proxenos notices`: those that are valid, with who has and who has not acknowledged.
px.command("notices", {
  help = { en = "notices that are valid, and how many have acknowledged", el = "ανακοινώσεις σε ισχύ και πόσοι έλαβαν γνώση" },
  args = { { "limit", "integer", default = 20, named = true, help = { en = "how many at most", el = "πόσες το πολύ" } } },
}, function(args, out)
  local rows = {}
  for i, notice in ipairs(px.store.find("notice", { filter = { state = "published" }, order = "-valid_from", limit = args.limit })) do
    rows[i] = summary(notice)
  end
  out.table({
    { "title", px.i18n.t("notices.column_title") }, { "from", px.i18n.t("column.from") }, { "to", px.i18n.t("column.to") },
    { "acknowledged", px.i18n.t("notices.column_acknowledged") }, { "pending", px.i18n.t("notices.column_pending") },
  }, rows)
end)
