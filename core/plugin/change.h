/* Shared between the files of a change: its machine (change.c) and its steps. */
#ifndef PROXENOS_PLUGIN_CHANGE_H
#define PROXENOS_PLUGIN_CHANGE_H

#include "internal.h"

enum change_kind {
    CHANGE_ENABLE = PLUGIN_ENABLE,
    CHANGE_DISABLE = PLUGIN_DISABLE,
    CHANGE_RELOAD = PLUGIN_RELOAD,
    CHANGE_GRANT = PLUGIN_GRANT,
    CHANGE_INSTALL = PLUGIN_INSTALL,
    CHANGE_ROLLBACK = PLUGIN_ROLLBACK,
    CHANGE_UNINSTALL = PLUGIN_UNINSTALL,
    CHANGE_REMOVED = PLUGIN_REMOVED,
    CHANGE_BOOT,       /* start-up: read and its types applied already */
    CHANGE_AUTOMATION, /* its file is new, or was saved */
    CHANGE_GONE,       /* its file is gone: as DISABLE, and it leaves the list */
};

/*  WAITING ─▶ READING ─▶ APPLYING ─▶ LOADING ─▶ LEAVING ─▶ HANDING ─▶ STORING ─▶ JOINING ─▶ DONE
 *     │  │      │ │  └▶ UNPACKING ─▶ APPLYING  ▲                     ▲  │ └─▶ APPLYING ─▶ DONE
 *     │  │      │ └──── grant ─────────────────┼─────────────────────┘  └───────────────▶ DONE
 *     │  └── at start-up ─▶ LOADING            │
 *     └───── off ──▶ (COUNTING ─▶) ────────────┘ (then straight, or by COUNTING, to STORING)
 *
 *  any ── failed ──▶ UNDOING ─▶ DONE */
enum change_state {
    CHANGE_WAITING,   /* for those before it */
    CHANGE_READING,   /* lane: its files */
    CHANGE_UNPACKING, /* lane: a bundle becomes files */
    CHANGE_APPLYING,  /* lane: the object types as they will be */
    CHANGE_LOADING,   /* executor: main.lua, px.check */
    CHANGE_COUNTING,  /* lane, writer: runs of its flows, which an uninstall has to wait for */
    CHANGE_LEAVING,   /* deliveries of the old one end, new ones wait */
    CHANGE_HANDING,   /* executors: px.save, px.restore */
    CHANGE_STORING,   /* writer: what is remembered, and the entry in the log */
    CHANGE_JOINING,   /* the new one's subscriptions */
    CHANGE_UNDOING,   /* lane: the object types as they were, files that nobody wants */
    CHANGE_DONE,
    CHANGE_STATE_COUNT
};

struct counting;

struct change {
    struct list_node queued;
    struct plugins *plugins;
    enum change_kind kind;
    enum change_state state;
    struct plugin *plugin;
    struct edition *next;                 /* what shall run; NULL: nothing */
    struct change_call *call;             /* NULL: nobody waits */
    void (*ended)(struct change *change); /* instead of the call; may be NULL */
    void *context;
    struct arena arena;
    struct work work;
    struct timer timer;
    int64_t until_ms;
    struct series series;
    struct value input; /* of the series */
    struct joining joining;
    struct unit unit;
    struct schemas schemas;
    struct remembered remembered; /* as it will be; texts in arena */
    bool granted;                 /* capabilities are given by this change */
    bool silent;                  /* nothing has changed since the last start: no entry */
    bool applied, paused;         /* to be undone on failure */
    bool unpacked, stored;        /* likewise */
    bool fresh;                   /* the plugin is in the list because of this change */
    bool idle;                    /* LEAVING is over */
    char folder[PLUGIN_PATH_MAX]; /* the files of `next` */
    const struct bundle *bundle;  /* of an install */
    struct installing *installing;
    struct counting *counting;
    struct remembered before; /* what was remembered; texts in arena */
    enum err err;
    struct error error;
};

/* change.c */
void change_move(struct change *change, enum change_state next);
/* To the lane and back to `done`; ERR_BUSY and the like fail the change. */
void change_work(struct change *change, void (*run)(struct work *work, void *thread),
                 void (*done)(struct work *work));
void change_fail(struct change *change, enum err err, const struct error *error);
void change_end(struct change *change);
struct change *change_new(struct plugins *plugins, enum change_kind kind, struct plugin *plugin);
/* Behind those that wait. */
void change_queue(struct change *change);
/* What is remembered of its plugin is where it begins from. */
void change_recall(struct change *change);
/* call->err is set; `done` runs later. */
void change_refuse(struct plugins *plugins, struct change_call *call);

/* change_steps.c: from one state to the next, until deliveries have ended. */
void change_read(struct change *change);
void change_apply(struct change *change);
void change_load(struct change *change);
void change_leave(struct change *change);
bool change_stopped(struct change *change); /* it has failed then: the service is stopping */

/* change_place.c: what is remembered, then the place. */
void change_store(struct change *change);
/* The unit's scope and request: those of who asked. */
void change_unit(struct change *change,
                 enum err (*apply)(struct unit *unit, struct tx *tx, struct error *error),
                 void (*done)(struct unit *unit));

/* install.c: bundles, versions. */
void install_call(struct plugins *plugins, struct change_call *call);
void install_begin(struct change *change);
void rollback_begin(struct change *change);
/* Lane: what the bundle holds. */
enum err install_read(struct change *change, struct error *error) MUST_CHECK;
void install_unpack(struct change *change);
void install_forget(struct change *change); /* with the change */
/* "plugin.upgraded" …, and what the log says beside the version. */
const char *install_event(const struct change *change, struct arena *arena, struct value *data);

/* uninstall.c */
void uninstall_begin(struct change *change);
void uninstall_count(struct change *change);
void uninstall_forget(struct change *change);
void uninstall_stored(struct change *change);
/* Inside the unit: what is remembered of the removal, and what the log says of it. */
enum err uninstall_apply(struct change *change, struct tx *tx, struct value *data,
                         struct error *error) MUST_CHECK;

#endif
