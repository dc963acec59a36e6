-- For tests and figures of duplicate search alone: the record-linkage data as an object type.
return {
  name = "linkage", version = "1.0.0", api = 1, license = "Apache-2.0", default = false,
  label = { en = "Record linkage", el = "Σύνδεση εγγραφών" },
  can = { read = { "listing" }, write = { "listing" } },
}
