/* The calendars that come with the program. GR: the public holidays of Greece; what a minister
 * moves in one year (1 May when it falls in Holy Week) cannot be computed and is for a calendar of
 * one's own. TARGET: the closing days that the European Central Bank set for the years from 2002
 * on. */
#include "internal.h"

#include "proxenos/base_calendar.h"

#define FIXED(m, d, english, greek)                                                                \
    {                                                                                              \
        .kind = HOLIDAY_FIXED, .month = (m), .day = (d), .label_en = STR_INIT(english),            \
        .label_el = STR_INIT(greek)                                                                \
    }
#define EASTER(church, days, english, greek)                                                       \
    {                                                                                              \
        .kind = HOLIDAY_EASTER_##church, .offset = (days), .label_en = STR_INIT(english),          \
        .label_el = STR_INIT(greek)                                                                \
    }

static const struct holiday greece[] = {
    FIXED(1, 1, "New Year's Day", "Πρωτοχρονιά"),
    FIXED(1, 6, "Epiphany", "Θεοφάνια"),
    EASTER(ORTHODOX, -48, "Clean Monday", "Καθαρά Δευτέρα"),
    FIXED(3, 25, "Independence Day", "Ευαγγελισμός, Εθνική Επέτειος"),
    EASTER(ORTHODOX, -2, "Good Friday", "Μεγάλη Παρασκευή"),
    EASTER(ORTHODOX, 0, "Easter Sunday", "Κυριακή του Πάσχα"),
    EASTER(ORTHODOX, 1, "Easter Monday", "Δευτέρα του Πάσχα"),
    FIXED(5, 1, "Labour Day", "Πρωτομαγιά"),
    EASTER(ORTHODOX, 50, "Whit Monday", "Αγίου Πνεύματος"),
    FIXED(8, 15, "Dormition of the Mother of God", "Κοίμηση της Θεοτόκου"),
    FIXED(10, 28, "Ochi Day", "Εθνική Επέτειος του Όχι"),
    FIXED(12, 25, "Christmas Day", "Χριστούγεννα"),
    FIXED(12, 26, "Synaxis of the Mother of God", "Σύναξη της Θεοτόκου"),
};

static const struct holiday target[] = {
    FIXED(1, 1, "New Year's Day", "Πρωτοχρονιά"),
    EASTER(WESTERN, -2, "Good Friday", "Μεγάλη Παρασκευή (Δυτικών)"),
    EASTER(WESTERN, 1, "Easter Monday", "Δευτέρα του Πάσχα (Δυτικών)"),
    FIXED(5, 1, "Labour Day", "Πρωτομαγιά"),
    FIXED(12, 25, "Christmas Day", "Χριστούγεννα"),
    FIXED(12, 26, "Christmas Holiday", "Δεύτερη ημέρα των Χριστουγέννων"),
};

static const struct calendar calendars[] = {
    {.name = STR_INIT("GR"),
     .zone = STR_INIT("Europe/Athens"),
     .weekend = {[6] = true, [7] = true},
     .holidays = greece,
     .holiday_count = COUNT_OF(greece)},
    {.name = STR_INIT("TARGET"),
     .zone = STR_INIT("Europe/Berlin"),
     .weekend = {[6] = true, [7] = true},
     .holidays = target,
     .holiday_count = COUNT_OF(target)},
    {.name = STR_INIT("WEEKDAYS"), .zone = STR_INIT("UTC"), .weekend = {[6] = true, [7] = true}},
};

const struct calendar *calendar_builtin(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(calendars); i++) {
        if (str_eq(calendars[i].name, name)) {
            return &calendars[i];
        }
    }
    return NULL;
}
