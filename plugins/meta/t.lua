---@meta
-- Generated from the binding tables of proxenos; do not edit.

---@class t
---@field seed integer # of this run
---@field [string] fun(fields?: table): table # t.<object type>(fields)

---@class t.call_options
---@field json? any # sent as JSON
---@field body? string # sent as it is
---@field query? table<string, string>

---@class t.run
---@field id string
---@field flow string
---@field queued? boolean # it may not begin yet
---@field state "running"|"waiting"|"blocked"|"failed"|"cancelled"|"done"
---@field result? any
---@field error? px.error
---@field turns integer
---@field calls { seq: integer, attempts: integer }[] # outside calls that have no answer yet

---@class t.vote
---@field reject? boolean
---@field comment? string
---@field hash? string # the content_hash that was looked at
---@field for? string # the id of a user who is away

---@class t.answer
---@field status integer
---@field text string
---@field json? any # the body, when it is JSON

---@param name string
---@param fn fun(t: t)
function test(name, fn) end

---What a test does. Beside these, t.<object type>(fields) makes a record of that type, with values of its own for what is required and not given; t.seed is the run's seed.
---@class t
---@field create fun(object: string, fields: table): table # makes a record as a user would, through hooks and checks; what follows has happened when it returns (waits)
---@field update fun(object: string, id: string|table, fields: table): table # changes a record (waits)
---@field delete fun(object: string, id: string|table) # deletes a record (waits)
---@field get fun(object: string, id: string|table): table? # one record, nil when there is none that may be read (waits)
---@field find fun(object: string, query?: px.query): table[] # a page of records (waits)
---@field emit fun(type: string, data?: table) # an event as another plugin would send it (waits)
---@field advance fun(duration: string): px.date.value # moves the clock on; what is due on the way happens in its order; the time it is now (waits)
---@field advance_to fun(at: string|px.date.value): px.date.value # the same, to a day (its first instant, UTC) or a time (waits)
---@field restart fun() # kills the service and opens it anew: what was not durable is gone (waits)
---@field expect_record fun(object: string, fields?: table): table # fails unless a record has these values; returns the first that has (waits)
---@field expect_no_record fun(object: string, fields?: table) # fails when a record has these values (waits)
---@field expect_event fun(pattern: string, data?: table): table # fails unless such an event came since the test began; data: values that the change set, or of the event's own data; returns the event (waits)
---@field expect_no_event fun(pattern: string, data?: table) # fails when such an event came (waits)
---@field dead_letters fun(): table[] # events whose handler failed for good, newest first (waits)
---@field call fun(method: string, path: string, options?: t.call_options): t.answer # calls a route of the plugin: the path behind /x/<plugin> (waits)
---@field command fun(words: string, args?: table): { output: string, exit_code: integer, tables: { columns: table[], rows: table[] }[] } # runs a command of the plugin; args by name, or as a list of words (waits)
---@field as fun(role: string, fn: fun(user: table): any): any # what fn does through t is done by a user with this role (waits)
---@field refuses fun(code: string, fn: function, ...: any): px.error # fails unless fn raises an error with this code; returns the error
---@field flow fun(name: string, input?: any, options?: { key?: string }): t.run # starts a flow of the plugin, which goes on until it waits; what it waits for comes with t.advance, t.signal, t.emit or a change of a record (waits)
---@field run fun(run: t.run|string): t.run # the run as it is now; raises its error when it is blocked (waits)
---@field signal fun(run: t.run|string, name: string, data?: any): t.run # tells the run something; what it is like behind that (waits)
---@field cancel fun(run: t.run|string, reason?: string): t.run # cancels the run, which may clean up (waits)
---@field approve fun(approval: string|table, role: string, vote?: t.vote): table # a user with this role votes; "manager:other" is another user with the same role (waits)
---@field net t.net # The network of a test: nothing leaves the machine. A request that no answer was given for fails, and the test with it.

---@class t.net_answer
---@field status? integer # 200
---@field json? any
---@field body? string
---@field headers? table<string, string>
---@field fail? "timeout"|"network" # no answer comes
---@field times? integer # how often; otherwise always

---The network of a test: nothing leaves the machine. A request that no answer was given for fails, and the test with it.
---@class t.net
---@field respond fun(url: string, answer?: t.net_answer) # what the plugin gets when it asks this URL; a star stands for any text, a method may stand in front ("POST https://…"); of several that fit, the newest answers (waits)
---@field requests fun(): { method: string, url: string, headers: table<string, string>, body: string, json?: any }[] # what the plugin asked, oldest first (waits)

---@type t
t = {}
