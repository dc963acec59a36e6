-- Each new deal gets a mark: the smallest handler whose own write must last (P4).
px.on("deal.created", {}, function(event)
  px.store.create("mark", { deal = event.id, note = event.after.name })
end)
