/* Intrusive lists: a ring through a head, so that a node leaves without knowing its list. One
 * thread at a time. */
#include "proxenos/base.h"

void list_init(struct list *list)
{
    list_node_init(&list->head);
}

bool list_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static void link_between(struct list_node *node, struct list_node *previous, struct list_node *next)
{
    ASSERT(!list_node_linked(node));
    node->previous = previous;
    node->next = next;
    previous->next = node;
    next->previous = node;
}

void list_push(struct list *list, struct list_node *node)
{
    link_between(node, list->head.previous, &list->head);
}

void list_push_front(struct list *list, struct list_node *node)
{
    link_between(node, &list->head, list->head.next);
}

void list_remove(struct list_node *node)
{
    if (node->next != NULL) {
        node->previous->next = node->next;
        node->next->previous = node->previous;
    }
    list_node_init(node);
}

void list_node_init(struct list_node *node)
{
    node->previous = node;
    node->next = node;
}

bool list_node_linked(const struct list_node *node)
{
    return node->next != NULL && node->next != node;
}

struct list_node *list_pop(struct list *list)
{
    struct list_node *node = list_first(list);
    if (node != NULL) {
        list_remove(node);
    }
    return node;
}

struct list_node *list_first(const struct list *list)
{
    return list_empty(list) ? NULL : list->head.next;
}

size_t list_count(const struct list *list)
{
    size_t count = 0;
    for (const struct list_node *node = list->head.next; node != &list->head; node = node->next) {
        count++;
    }
    return count;
}
