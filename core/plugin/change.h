/* Shared between the files of a change: its machine (change.c) and its steps. */
#ifndef PROXENOS_PLUGIN_CHANGE_H
#define PROXENOS_PLUGIN_CHANGE_H

#include "internal.h"

enum change_kind {
    CHANGE_ENABLE = PLUGIN_ENABLE,
    CHANGE_DISABLE = PLUGIN_DISABLE,
    CHANGE_RELOAD = PLUGIN_RELOAD,
    CHANGE_BOOT,       /* start-up: read and its types applied already */
    CHANGE_AUTOMATION, /* its file is new, or was saved */
    CHANGE_GONE,       /* its file is gone: as DISABLE, and it leaves the list */
};

/*  WAITING ─▶ READING ─▶ APPLYING ─▶ LOADING ─▶ LEAVING ─▶ HANDING ─▶ STORING ─▶ JOINING ─▶ DONE
 *     │  │                                ▲  ▲                             │
 *     │  └── at start-up ─────────────────┘  │                             └─▶ APPLYING ─▶ DONE
 *     └───── disable ────────────────────────┘ (then straight to STORING)
 *
 *  any ── failed ──▶ UNDOING ─▶ DONE */
enum change_state {
    CHANGE_WAITING,  /* for those before it */
    CHANGE_READING,  /* lane: its files */
    CHANGE_APPLYING, /* lane: the object types as they will be */
    CHANGE_LOADING,  /* executor: main.lua, px.check */
    CHANGE_LEAVING,  /* deliveries of the old one end, new ones wait */
    CHANGE_HANDING,  /* executors: px.save, px.restore */
    CHANGE_STORING,  /* writer: what is remembered, and the entry in the log */
    CHANGE_JOINING,  /* the new one's subscriptions */
    CHANGE_UNDOING,  /* lane: the object types as they were */
    CHANGE_DONE,
    CHANGE_STATE_COUNT
};

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
    struct schema_source *sources;
    size_t source_count;
    struct remembered remembered; /* as it will be; texts in arena */
    bool granted;                 /* capabilities are given by this change */
    bool silent;                  /* nothing has changed since the last start: no entry */
    bool applied, paused;         /* to be undone on failure */
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

/* change_steps.c: from one state to the next. */
void change_read(struct change *change);
void change_apply(struct change *change);
void change_load(struct change *change);
void change_leave(struct change *change);

#endif
