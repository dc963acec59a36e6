---@meta
-- Generated from the binding tables of proxenos; do not edit.

---@class px.error
---@field code string
---@field message string
---@field detail? string
---@field field? string
---@field value? string
---@field nearest? string

---@class px.event
---@field seq integer # position in the log
---@field type string # "opportunity.updated"
---@field object? string
---@field id? string
---@field version? integer
---@field at px.date.value
---@field actor string
---@field via string
---@field cause? integer # the seq that led to this
---@field state? string # "stage.won" when a state was entered
---@field before? table # the whole record before
---@field after? table # the whole record after
---@field data? any # of a plugin's own event
---@field key? string # that it was emitted with

---@class px.retry
---@field times? integer # 8
---@field first? string # "1s"
---@field max? string # "10m"

---@class px.on_options
---@field key? string # path into the event: deliveries of one key stay in order
---@field filter? string # expression over the event
---@field retry? px.retry
---@field on_dead? "hold" # keeps the key closed after a dead letter
---@field concurrency? integer
---@field from_start? boolean # a new subscription begins at the log's start
---@field name? string # of the subscription; by default the pattern

---@class px.flow_options
---@field concurrency? { max: integer, key?: string } # runs that go on at once, for each value of this path of the input
---@field rate? { max: integer, per: string, key?: string } # runs that begin in this time

---@class px.schedule_options
---@field zone? string # "Europe/Athens"; UTC
---@field missed? "skip"|"once"|"all" # runs whose time passed while nobody could run them; skip
---@field retry? px.retry

---@class px.request
---@field method string
---@field path string
---@field params table<string, string>
---@field query table<string, string>
---@field headers table<string, string> # names in lower case; without what says who asks
---@field body string
---@field json? any # the body, when it is JSON

---@class px.response
---@field status? integer # 200
---@field json? any
---@field text? string
---@field body? string
---@field content_type? string
---@field headers? table<string, string>

---@class px.widget
---@field widget "list"|"record"|"chart"|"form"|"text"
---@field title? string|table<string, string>
---@field object? string
---@field fields? string[]
---@field filter? table
---@field order? string
---@field limit? integer
---@field include? string[]
---@field kind? "bar"|"line"|"pie"|"number" # of a chart
---@field group? string|string[] # of a chart
---@field measures? table # of a chart
---@field markdown? string|table<string, string> # of a text

---@class px.page_spec
---@field title string|table<string, string>
---@field role? string # only for users with it
---@field icon? string
---@field widgets px.widget[]

---@class px.finding
---@field problem string
---@field evidence? string
---@field advice string # what to do

---@class px.output
---@field write fun(text: any)
---@field line fun(text: any)
---@field table fun(columns: (string|string[])[], rows: table[]) # columns: names, or { name, label }; laid out as --format says
---@field format "table"|"json"|"csv"
---@field language string # the reader's: "en", "el"

---@class px.command_options
---@field help? string|table<string, string> # one line
---@field args? table[] # { "name", "text|integer|number|boolean|date", required, default, named, rest, help }: by position, or name=value

---The platform, for plugins and automations.
---@class px
---@field on fun(pattern: string, options: px.on_options|fun(event: px.event), handler?: fun(event: px.event)) # handles each event that matches, exactly once, as one unit of work (only while the file loads)
---@field schedule fun(name: string, cron: string, options: px.schedule_options|fun(at: px.date.value), handler?: fun(at: px.date.value)) # runs the handler at each time of a cron expression, as one unit of work; `at` is the time it runs for (only while the file loads)
---@field flow fun(name: string, options: px.flow_options|fun(flow: px.flow_run, input: any): any, flow?: fun(flow: px.flow_run, input: any): any) # registers a durable flow: code that may wait for a year and survives any crash (only while the file loads)
---@field before fun(pattern: string, hook: fun(drafts: table[])) # sees records before they are created, updated, deleted or merged; may amend or refuse (only while the file loads)
---@field route fun(method: string, path: string, options: table|fun(request: px.request): px.response, handler?: fun(request: px.request): px.response) # answers under /x/<plugin> (only while the file loads)
---@field command fun(words: string, options: px.command_options|fun(args: table, out: px.output): integer?, handler?: fun(args: table, out: px.output): integer?) # adds `proxenos <words>` (only while the file loads)
---@field check fun(check: fun(config: table)) # looks at the configuration before start; an error keeps the plugin from starting (only while the file loads)
---@field start fun(start: fun()) # runs once after loading (only while the file loads)
---@field stop fun(stop: fun()) # runs before the plugin stops (only while the file loads)
---@field save fun(save: fun(): any) # before a reload: what it returns, plain data, goes to px.restore of the new state (only while the file loads)
---@field restore fun(restore: fun(data: any, version: string)) # takes what px.save of the state before returned, and the version that it came from; an error keeps the old state (only while the file loads)
---@field page fun(name: string, page: px.page_spec) # a page of the console, as data (only while the file loads)
---@field doctor fun(look: fun(): px.finding[]?) # adds what it finds to `proxenos doctor` (only while the file loads)
---@field export fun(functions: table<string, function>) # what plugins that require this one get from px.plugin (only while the file loads)
---@field plugin fun(name: string): table<string, function> # the exported functions of a plugin that plugin.lua requires; each call waits and runs there, with the rights that both have (not in a unit of work)
---@field add fun(value: any): table # in an update: adds to a many-valued field
---@field remove fun(value: any): table # in an update: takes from a many-valued field
---@field refuse fun(field: string?, message: string) # in a before-hook or route: refuses with a reason
---@field try fun(fn: function, ...: any): any, px.error? # calls fn; nil and the error where it raises
---@field null userdata # a value that is there and empty
---@field store px.store # Records, under the rights of who acts.
---@field bus px.bus # Events of one's own, and what is left to do.
---@field log px.log # Lines of the service's log, marked with the plugin's name.
---@field config px.config # The plugin's settings.
---@field actor px.actor # Who acts now.
---@field json px.json # JSON, bounded.
---@field date px.date # Days and instants.
---@field money px.money # Amounts in minor units with their currency.
---@field decimal px.decimal # Exact decimals in 64 bits.
---@field text px.text # Text by code points.
---@field i18n px.i18n # Texts in the reader's language, from locale/<language>.lua.
---@field clock px.clock # Business calendars and deadlines.
---@field csv px.csv # CSV (RFC 4180), bounded.
---@field xml px.xml # XML, bounded; names are as written, prefix and all.
---@field vcard px.vcard # vCard, bounded.
---@field ical px.ical # iCalendar, bounded.
---@field pdf px.pdf # Documents as data, drawn as PDF; bounded.
---@field task px.task # Functions side by side, which share their caller's time and rights.
---@field http px.http # Answers of routes.
---@field metric px.metric # Figures in /metrics, as proxenos_plugin_<plugin>_<name> with the label plugin.
---@field crypto px.crypto # Hashes, random texts, and sealing with secrets.
---@field secret px.secret # Secrets, set with `proxenos secret set`; never visible to a script.
---@field net px.net # Requests to the outside, within `can.net`.
---@field flows px.flows # Runs of the plugin's flows.
---@field mail px.mail # Mail from the plugin's templates, with `mail = { "send" }` in `can`.

---@class px.query
---@field view? string # a saved view, by name or id; what else is said adds to it
---@field filter? table # { stage = { "in", { "won", "lost" } }, owner = id }
---@field order? string|string[] # "-updated_at,name"
---@field limit? integer # 50, at most 1,000
---@field after? string # cursor of the page before
---@field fields? string[]
---@field include? string[]
---@field archived? boolean
---@class px.search
---@field objects? string|string[] # only these object types
---@field order? "best"|"newest"
---@field limit? integer # 20, at most 200
---@field after? string # cursor of the page before
---@field wait? boolean
---@class px.hit
---@field object string
---@field id string
---@field title? string
---@field rank "exact"|"beginning"|"anywhere"
---@field matched string[] # fields in which a word was found
---@field record table
---@class px.file
---@field id string
---@field name string
---@field media_type string
---@field bytes integer
---@field hash string # SHA-256 of the content
---@field added_at px.date
---@field added_by string
---@class px.past
---@field get fun(object: string, id: string): table? # nil when there was none then

---Records, under the rights of who acts.
---@class px.store
---@field get fun(object: string, id: string): table? # one record, nil when there is none that may be read
---@field find fun(object: string, query?: px.query): table[], string? # a page of records, and the cursor of the next
---@field first fun(object: string, query?: px.query): table? # the first record that find would give
---@field count fun(object: string, query?: px.query): integer # how many records there are
---@field each fun(object: string, query?: px.query): fun(): table? # iterates over all of them, page by page
---@field aggregate fun(object: string, spec: table): table[] # counts and sums by groups
---@field history fun(object: string, id: string): table[] # the changes of one record, oldest first
---@field files fun(object: string, id: string): px.file[] # the files of one record, the first 1000 in the order in which they were added; their contents are not given to plugins
---@field as_of fun(at: string|px.date): px.past # records as they were at a moment: a date means its end; get raises gone where the answer was erased
---@field search fun(text: string, options?: px.search): px.hit[], string? # records that hold every word, the best first, and the cursor of the next page; with wait (outside a unit of work) all that was written before is found (waits)
---@field create fun(object: string, fields: table, options?: { duplicates?: "check"|"allow" }): table # makes a record; one that looks like others is refused when its unit is written, where the object type says so, unless duplicates are allowed (waits)
---@field update fun(object: string, id: string, fields: table, options?: { version?: integer }): table # changes a record (waits)
---@field upsert fun(object: string, key: string|table, fields: table): table # updates the record with this unique key, or creates it (waits)
---@field delete fun(object: string, id: string, options?: { version?: integer }): boolean # deletes a record (waits)
---@field link fun(object: string, id: string, field: string, other: string): table # adds a reference to a many-valued field (waits)
---@field unlink fun(object: string, id: string, field: string, other: string): table # takes a reference from a many-valued field (waits)
---@field merge fun(object: string, keep: string, others: string[], options?: { fill?: boolean, delete?: boolean }): boolean # what refers to the others refers to the kept one; they are archived, or deleted; done when the unit of work is committed (waits)
---@field changeset fun(name: string, fn: fun(id: string)): any # as tx, under a name: it can be looked at and reverted as a whole (waits)
---@field tx fun(fn: function): any # runs fn as one unit of work: all of its writes, or none; again on a conflict (waits)
---@field kv px.store.kv # The plugin's own small values.

---The plugin's own small values.
---@class px.store.kv
---@field get fun(key: string): any # the value under the key, or nil
---@field set fun(key: string, value: any) # keeps a value; nil drops it (waits)

---@class px.emit_options
---@field key? string # deliveries of one key stay in order
---@field delay? string # "15m", "3d": the event comes then, also after a restart
---@field dedup? string # a second event of this word within 24 hours is none

---@class px.bus.subscription
---@field subscription string
---@field lag integer # log entries not yet looked at or handled
---@field backlog integer # the same with what is parked
---@field parked integer
---@field dead integer
---@field settled integer # since the start
---@field paused boolean

---@class px.bus.dead_letter
---@field id string
---@field subscription string
---@field seq integer
---@field type string
---@field attempts integer
---@field code string
---@field error string
---@field traceback string
---@field key string
---@field at px.date.value

---Events of one's own, and what is left to do.
---@class px.bus
---@field emit fun(type: string, data?: table, options?: px.emit_options) # an event of the plugin's own, <plugin>.<noun>_<verb in past>; inside a unit of work it commits with it (waits)
---@field lag fun(): px.bus.subscription[] # what the plugin's subscriptions have left to do (not in a unit of work)
---@field dead_letters fun(): px.bus.dead_letter[] # the newest hundred events that this plugin's handlers gave up

---Lines of the service's log, marked with the plugin's name.
---@class px.log
---@field debug fun(message: string, fields?: table) # for whoever looks closely
---@field info fun(message: string, fields?: table) # what happened
---@field warn fun(message: string, fields?: table) # what should not happen often
---@field error fun(message: string, fields?: table) # what somebody must look at

---The plugin's settings.
---@class px.config
---@field get fun(name: string): any # a setting that plugin.lua declares, or its default
---@field on_change fun(changed: fun(config: table)) # is called with all settings after some were changed while the plugin runs (only while the file loads)

---Who acts now.
---@class px.actor
---@field name fun(): string? # "user:anna", "plugin:relations"; nil in a public route
---@field user fun(): string? # the user's id; nil when it is the plugin itself
---@field roles fun(): string[] # the user's roles
---@field has_role fun(role: string): boolean # has the user this role?
---@field purpose fun(): string? # what the caller of a route says that it is for (the header X-Purpose); nil otherwise
---@field as fun(user: string, fn: fun(): ...): ... # calls fn with the rights that this user (id or name) and the plugin both have; needs can.act_as (not in a unit of work)

---JSON, bounded.
---@class px.json
---@field decode fun(text: string): any # a value from JSON; null is px.null
---@field encode fun(value: any): string # JSON of a value
---@field list fun(items?: table): table # marks a table as a list, so that it stays one while empty

---@class px.date.value # a day or an instant; + and - with "3d", - and < with another
---@field year integer
---@field month integer
---@field day integer
---@field hour integer
---@field minute integer
---@field second integer
---@field weekday integer # Monday is 1
---@field date px.date.value # the day, in UTC
---@operator add(string): px.date.value
---@operator sub(string): px.date.value

---Days and instants.
---@class px.date
---@overload fun(text: string, layout?: string): px.date.value
---@field now fun(): px.date.value # this instant
---@field today fun(zone?: string): px.date.value # the day it is now, in UTC or in a zone
---@field parse fun(text: string, layout?: string): px.date.value # a day or an instant from text
---@field format fun(date: px.date.value|string, layout?: string): string # text as in the layout ("dd/mm/yyyy"), ISO 8601 without one
---@field add fun(date: px.date.value|string, duration: string): px.date.value # moved by a duration
---@field diff fun(a: px.date.value|string, b: px.date.value|string, unit?: string): integer # a - b in whole days, or in weeks, hours, minutes, seconds
---@field zone fun(date: px.date.value|string, zone: string): table # the parts of an instant as clocks show it there

---@class px.money.value # + and - with the same currency, * with a number
---@field amount integer # minor units
---@field currency string

---Amounts in minor units with their currency.
---@class px.money
---@overload fun(amount: integer, currency: string): px.money.value
---@field of fun(text: string, currency: string): px.money.value # from text in major units: px.money.of("12.50", "EUR")
---@field div fun(money: px.money.value, by: any, rounding?: string): px.money.value # divided by a number, rounded half to even unless said otherwise
---@field split fun(money: px.money.value, parts: integer): px.money.value[] # into parts that add up to the whole

---@class px.decimal.value # + - * and comparison are exact
---@field scale integer

---Exact decimals in 64 bits.
---@class px.decimal
---@overload fun(value: string|integer, scale?: integer): px.decimal.value
---@field round fun(value: any, scale: integer, rounding?: "half_even"|"half_up"|"down"|"up"): px.decimal.value # to so many digits behind the point
---@field div fun(a: any, b: any, scale: integer, rounding?: string): px.decimal.value # a / b, rounded

---Text by code points.
---@class px.text
---@field len fun(text: string): integer # code points
---@field sub fun(text: string, from: integer, to?: integer): string # by code points, from 1; negative ones count from the end
---@field upper fun(text: string): string # upper case
---@field lower fun(text: string): string # lower case
---@field fold fun(text: string): string # for comparing: lower case, no accents
---@field match fun(text: string, pattern: string, init?: integer): string?, ... # as string.match, where a character is a code point and a letter any letter
---@field find fun(text: string, pattern: string, init?: integer, plain?: boolean): integer?, integer?, ... # as string.find, by code points
---@field gsub fun(text: string, pattern: string, with: string|table|function, n?: integer): string, integer # as string.gsub, by code points
---@field split fun(text: string, separator: string): string[] # the parts between separators
---@field template fun(text: string, values: table): string # puts values in the place of {name}

---Texts in the reader's language, from locale/<language>.lua.
---@class px.i18n
---@field t fun(key: string, values?: table, options?: { language?: string }): string # the plugin's text under this key, with {name} replaced; { one, other } by count

---@class px.clock.holiday
---@field date px.date.value
---@field en string
---@field el string
---@field moved boolean # a day off instead of one that fell on a weekend

---@class px.clock.calendar_rule # date, or easter and offset, or month, weekday and nth
---@field date? string # "05-01" every year, "2026-12-24" once
---@field easter? "orthodox"|"western"
---@field offset? integer # days behind Easter Sunday
---@field month? integer
---@field weekday? integer # Monday is 1
---@field nth? integer # 1 to 5, -1: the last
---@field from_year? integer
---@field to_year? integer
---@field moves? boolean # on a weekend: the next free day is off instead
---@field en? string
---@field el? string

---@class px.clock.definition
---@field zone? string # "Europe/Athens"
---@field weekend? integer[] # ISO weekdays; { 6, 7 }
---@field holidays? px.clock.calendar_rule[]

---@class px.clock.calendar_methods
---@field zone string
---@field is_business_day fun(date: px.date.value|string): boolean
---@field add fun(date: px.date.value|string, business_days: integer): px.date.value
---@field holidays fun(year: integer): px.clock.holiday[]

---@class px.clock.rule
---@field count integer
---@field unit? "minutes"|"hours"|"days"|"business_days"|"weeks"|"months"|"years" # days
---@field direction? "after"|"before"
---@field calendar? string|px.clock.definition # "WEEKDAYS"
---@field zone? string # the calendar's
---@field roll? "none"|"next_business_day"|"previous_business_day"
---@field min_business_days? integer # the period holds at least so many
---@field end_of_day? boolean # due when the last day ends
---@field hours? string[] # { "09:00", "17:00" }: minutes and hours count only then

---@class px.clock.value # a plain table: keep it in a json field
---@field state "running"|"paused"
---@field start px.date.value
---@field due px.date.value
---@field rule px.clock.rule
---@field pauses? { at: px.date.value, until?: px.date.value, reason?: string }[]
---@field extensions? { count: integer, unit: string, reason?: string, due_before: px.date.value }[]

---Business calendars and deadlines.
---@class px.clock
---@field calendar fun(calendar: string|px.clock.definition): px.clock.calendar_methods # a business calendar: "GR", "TARGET", "WEEKDAYS", or one's own
---@field business_days fun(from: px.date.value|string, to: px.date.value|string, calendar?: string|px.clock.definition): integer # business days after `from` up to and with `to`; negative when `to` lies before
---@field deadline fun(start: px.date.value|string|nil, rule: px.clock.rule): px.clock.value # a running clock; start is now when nil
---@field pause fun(clock: px.clock.value, at?: px.date.value|string, reason?: string): px.clock.value # a stopped copy of the clock
---@field resume fun(clock: px.clock.value, at?: px.date.value|string): px.clock.value # a running copy: what was left when it stopped is left again
---@field extend fun(clock: px.clock.value, by: { count: integer, unit: string, reason?: string }): px.clock.value # a copy that is due later, with the extension written down

---CSV (RFC 4180), bounded.
---@class px.csv
---@field decode fun(text: string, options?: { header?: boolean, separator?: string }): table[] # rows by the names of the header, or as lists with header = false
---@field encode fun(rows: table[], options?: { header?: boolean, columns?: string[] }): string # CSV of rows; a text that a spreadsheet would run gets an apostrophe in front

---@class px.xml.element
---@field name string
---@field attributes? table<string, string>
---@field children? (string|px.xml.element)[]

---XML, bounded; names are as written, prefix and all.
---@class px.xml
---@field decode fun(text: string): px.xml.element # a document as a tree; no document type, no entities but XML's own five
---@field encode fun(root: px.xml.element): string # the document of such a tree

---@class px.card.property
---@field name string # "TEL"
---@field group? string
---@field parameters? table<string, string[]>
---@field value any # text; parts of N, ADR, ORG, GENDER, NICKNAME and CATEGORIES as a list

---@class px.card
---@field version? string # "4.0"
---@field properties px.card.property[]

---vCard, bounded.
---@class px.vcard
---@field decode fun(text: string): px.card[] # the cards of a file, of vCard 4.0, 3.0 or 2.1
---@field encode fun(cards: px.card|px.card[]): string # the file of these cards

---@class px.ical.component
---@field name string # "VEVENT"
---@field properties px.card.property[]
---@field components? px.ical.component[]

---@class px.ical.recurrence
---@field start px.date.value|string # a day, an instant, or a time on the zone's clocks
---@field rrule? string # "FREQ=WEEKLY;BYDAY=TU"
---@field zone? string # "UTC"
---@field exdates? (px.date.value|string)[] # a day leaves out all of it
---@field rdates? (px.date.value|string)[]
---@field from? px.date.value|string # the start
---@field to? px.date.value|string # ten years on
---@field limit? integer # 1000, at most 10000

---iCalendar, bounded.
---@class px.ical
---@field decode fun(text: string): px.ical.component[] # the components of a calendar file; days and times as ISO 8601
---@field encode fun(components: px.ical.component|px.ical.component[]): string # the file of these components
---@field occurrences fun(spec: px.ical.recurrence): px.date.value[], boolean # when a recurring thing happens, from <= x < to; true behind it where the limit, or a rule that hardly ever matches, cut the list
---@field zone fun(name: string): px.ical.component? # the VTIMEZONE of an IANA zone, to stand beside a TZID; nil for UTC

---@class px.pdf.block
---@field kind? "heading"|"paragraph"|"list"|"table"|"signatures"|"break" # paragraph
---@field text? string # of headings and paragraphs
---@field level? 1|2|3 # of headings
---@field align? "left"|"center"|"right" # of paragraphs
---@field ordered? boolean # of lists
---@field items? any[] # of lists
---@field columns? any[] # of tables: their heads, on each page again
---@field rows? any[][] # of tables
---@field parties? { name: string, capacity?: string }[] # of signatures

---@class px.pdf.document
---@field title? string
---@field language? string
---@field header? string
---@field footer? string
---@field page_numbers? boolean # true
---@field created_on? px.date.value|string # the only day in the file
---@field blocks? px.pdf.block[]

---Documents as data, drawn as PDF; bounded.
---@class px.pdf
---@field render fun(document: px.pdf.document): string # the bytes of a PDF, the same for the same document; any script that a font has

---Functions side by side, which share their caller's time and rights.
---@class px.task
---@field all fun(functions: (fun(): any)[]): any[] # runs all at once; the first result of each in their order. The first that fails ends the others and is raised (waits, not in a unit of work)
---@field any fun(functions: (fun(): ...)[]): ... # what the first one that succeeds returned; the others end. When all fail, the last error is raised (waits, not in a unit of work)
---@field timeout fun(duration: string, fn: fun(): ...): ... # what fn returned, or the error "timeout" (waits, not in a unit of work)
---@field sleep fun(duration: string) # waits; the plugin's other tasks go on (waits, not in a unit of work)

---@class px.http.stream_options
---@field status? integer # 200
---@field content_type? string # text/plain; charset=utf-8
---@field headers? table<string, string>

---Answers of routes.
---@class px.http
---@field json fun(value: any, options?: { status?: integer, headers?: table<string, string> }): px.response # a route's answer in JSON
---@field problem fun(status: integer, code: string, detail: string, options?: { pointer?: string }): px.response # a route's refusal, in the same shape as the API's (RFC 9457)
---@field stream fun(options: px.http.stream_options|fun(write: fun(text: any)), fn?: fun(write: fun(text: any))): px.response # a route's answer in pieces: fn is given write(text), which waits while the client is slow (waits, not in a unit of work)

---Figures in /metrics, as proxenos_plugin_<plugin>_<name> with the label plugin.
---@class px.metric
---@field count fun(name: string, by?: number, labels?: table<string, any>) # adds to a counter, 1 unless said otherwise
---@field gauge fun(name: string, value: number, labels?: table<string, any>) # sets a figure that goes up and down
---@field time fun(name: string, labels: table<string, any>|fun(): ..., fn?: fun(): ...): ... # runs fn, counts it and adds the time it took; what fn returned

---@class px.crypto.options
---@field encoding? "hex"|"base64"|"base64url"|"bytes" # hex

---Hashes, random texts, and sealing with secrets.
---@class px.crypto
---@field hash fun(text: string, options?: px.crypto.options): string # SHA-256
---@field hmac fun(key: px.secret.handle, text: string, options?: px.crypto.options): string # HMAC-SHA-256 with a secret of the plugin
---@field random fun(bytes: integer, options?: px.crypto.options): string # so many random bytes, 1 to 1024
---@field uuid fun(): string # a random UUID
---@field seal fun(key: px.secret.handle, text: string, options?: { with?: string }): string # encrypted so that only this secret opens it; `with` is bound to it and not kept in it
---@field open fun(key: px.secret.handle, sealed: string, options?: { with?: string }): string # what was sealed, also with the secret's value before the present one
---@field constant_time_equal fun(a: string, b: string): boolean # are they the same? For signatures: the time tells nothing

---@class px.secret.handle

---Secrets, set with `proxenos secret set`; never visible to a script.
---@class px.secret
---@field get fun(name: string, options?: { previous?: boolean }): px.secret.handle # a handle of a secret that can.secrets names; px.crypto, px.net and px.mail use it, nobody reads it

---@class px.net.request
---@field url string # within can.net
---@field method? string # "GET", or "POST" when there is a body
---@field headers? table<string, string|px.secret.handle|table> # { "Bearer ", px.secret.get("key") }
---@field body? string
---@field json? any # a body as JSON
---@field timeout? string # "30s"
---@field retry? { times: integer, first?: string, max?: string } # none unless given
---@field redirects? integer # followed within can.net; 0 unless given
---@field idempotency_key? string
---@class px.net.answer
---@field status integer
---@field headers table<string, string> # names in lower case
---@field body string
---@field json fun(): any

---Requests to the outside, within `can.net`.
---@class px.net
---@field fetch fun(request: px.net.request): px.net.answer|string # sends a request and waits for its answer, whatever its status; in a unit of work it gives an id at once, and the request leaves after the commit (waits)

---@class px.flow_run # what a flow is given first
---@field step fun(self: px.flow_run, name: string, fn: fun(): any): any # does something once: what it writes commits together with its result
---@field call fun(self: px.flow_run, name: string, options: px.call_options|fun(call: px.call): any, fn?: fun(call: px.call): any): any # asks the world outside, once the turn is committed; tried again until it answers
---@field sleep fun(self: px.flow_run, duration: string)
---@field sleep_until fun(self: px.flow_run, at: px.date.value)
---@field wait fun(self: px.flow_run, name: string, options?: px.wait_options): any # an event or a signal; nil when the time is over
---@field signal fun(self: px.flow_run, run: string, name: string, data?: any)
---@field all fun(self: px.flow_run, fns: table<any, fun(): any>): table # all at once; their results under the same keys, or the first error
---@field any fun(self: px.flow_run, fns: table<any, fun(): any>): any, any # the first that ends, and its key; the others are dropped
---@field child fun(self: px.flow_run, flow: string, input?: any, options?: { key?: string }): any # another flow as a run of its own; its result, or its error
---@field compensate fun(self: px.flow_run, fn: fun()) # what undoes what was done, should the run fail or be cancelled; newest first
---@field approve fun(self: px.flow_run, options: px.approve_options): px.decision # people decide; the error `void` when the record changes meanwhile
---@field continue_as_new fun(self: px.flow_run, input: any) # starts over, with an empty journal and the newest code
---@field version fun(self: px.flow_run, name: string): boolean # true in runs that came here with this code
---@field query fun(self: px.flow_run, name: string, fn: fun(input?: any): any) # what px.flows.query is answered
---@field attributes fun(self: px.flow_run, texts: table<string, string>) # what it is looked for by
---@field now fun(self: px.flow_run): px.date.value
---@field random fun(self: px.flow_run, m?: integer, n?: integer): number
---@field log fun(self: px.flow_run, text: any)
---@field id fun(self: px.flow_run): string

---@class px.call_options
---@field retry? { times?: integer, first?: string, max?: string, never?: string[] } # 20 times, from "1s" doubling to "10m"; never: codes that are not tried again
---@field timeout? string # of one attempt: "1m"
---@field heartbeat? string # an attempt that is silent for so long is dead
---@field within? string # of all attempts together

---@class px.call
---@field key string # the same in every attempt of this call, and in no other call
---@field attempt integer # from 1
---@field details? any # what the last heartbeat of an earlier attempt left
---@field heartbeat fun(self: px.call, details?: any) # says that it lives

---@class px.wait_options
---@field key? string # what the event's key must be: the record's id, or data.key
---@field by? string # the path that holds the event's key: "after.organisation"
---@field timeout? string # "30d"

---@class px.approve_options
---@field role string # who decides
---@field subject? string|table # the record, if it is about one
---@field object? string # its type
---@field quorum? integer
---@field rejections? integer
---@field exclude? (string|table)[] # users
---@field due? string|px.date.value # then `escalate` decides
---@field escalate? string # a role
---@field remind? string # how long before
---@field expire? string|px.date.value
---@field calendar? string|table
---@field title? string|table<string, string>
---@field data? any

---@class px.decision
---@field id string
---@field state "approved"|"rejected"|"expired"|"withdrawn"
---@field approved boolean
---@field rejected boolean # not approved
---@field by string[]
---@field votes table[]
---@field comments string[]

---@class px.run
---@field id string
---@field flow string
---@field key? string
---@field state "running"|"waiting"|"blocked"|"failed"|"cancelled"|"done"
---@field started_at px.date.value
---@field updated_at px.date.value
---@field result? any
---@field error? px.error

---Runs of the plugin's flows.
---@class px.flows
---@field start fun(flow: string, input?: any, options?: { key?: string, attributes?: table<string, string> }): string # starts a run and gives its id; with a key, the id of the run that lives under it (waits)
---@field signal fun(run: string, name: string, data?: any, options?: { dedup?: string }) # tells a run something, true when nothing is given; kept until the run waits for it (waits)
---@field cancel fun(run: string, reason?: string) # ends what the run waits for; it may clean up (waits)
---@field query fun(run: string, name: string, input?: any): any # what the flow's own flow:query answers, from its journal; nothing goes on
---@field find fun(query?: { flow?: string, key?: string, state?: string, attributes?: table<string, string>, limit?: integer }): px.run[] # runs of this plugin, newest first

---@class px.mail.message
---@field to string # an address alone
---@field name? string # the recipient's
---@field template string # mail/<template>.<language>.txt of the plugin
---@field data? table # values for {name}
---@field language? string # "en"; "el-GR" falls back to "el", then "en"
---@field related? string # id of what it is about
---@field idempotency_key? string # the same key is the same mail
---@field reply_to? string # where answers go, when not to the service's own address
---@field in_reply_to? string # the Message-ID of what it answers
---@field references? string[] # Message-IDs of the thread, oldest first
---@field calendar? { method: string, text: string } # an invitation beside the text

---Mail from the plugin's templates, with `mail = { "send" }` in `can`.
---@class px.mail
---@field send fun(mail: px.mail.message): string # puts a mail into the outbox, with the unit of work, and gives its id; it is sent after the commit (waits)
---@field message_id fun(id: string): string # the Message-ID of the mail that px.mail.send gave this id; mail.sent has it too

---@type px
px = {}
