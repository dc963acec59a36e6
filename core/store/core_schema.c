/* The core's own object types, declared as any plugin's: what rights, approvals and webhooks need.
 * auth and webhook read and write theirs under system scopes. Any thread. */
#include "proxenos/base_json.h"
#include "proxenos/store_schema.h"

/* Absences are said by tx_absence alone, which judges them: by no other hand. */
static const char user_json[] =
    "{\"label\":{\"en\":\"User\",\"el\":\"Χρήστης\"},"
    "\"plural\":{\"en\":\"Users\",\"el\":\"Χρήστες\"},\"title\":\"name\",\"icon\":\"user\","
    "\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true,\"unique\":true,\"max\":120,\"search\":true,"
    "\"label\":{\"en\":\"Name\",\"el\":\"Όνομα χρήστη\"}},"
    "{\"1\":\"label\",\"2\":\"text\",\"max\":200,\"search\":true,"
    "\"label\":{\"en\":\"Full name\",\"el\":\"Ονοματεπώνυμο\"}},"
    "{\"1\":\"email\",\"2\":\"email\",\"label\":{\"en\":\"E-mail\",\"el\":\"Ηλ. διεύθυνση\"}},"
    "{\"1\":\"state\",\"2\":\"enum\",\"default\":\"active\",\"required\":true,\"of\":["
    "[\"active\",{\"en\":\"Active\",\"el\":\"Ενεργός\"}],"
    "[\"disabled\",{\"en\":\"Disabled\",\"el\":\"Ανενεργός\"}]],"
    "\"label\":{\"en\":\"State\",\"el\":\"Κατάσταση\"}},"
    "{\"1\":\"login\",\"2\":\"boolean\",\"default\":true,"
    "\"label\":{\"en\":\"May log in\",\"el\":\"Μπορεί να συνδεθεί\"}},"
    "{\"1\":\"away_from\",\"2\":\"datetime\",\"readonly\":true,"
    "\"label\":{\"en\":\"Away from\",\"el\":\"Απουσιάζει από\"}},"
    "{\"1\":\"away_until\",\"2\":\"datetime\",\"readonly\":true,"
    "\"label\":{\"en\":\"Away until\",\"el\":\"Απουσιάζει έως\"}},"
    "{\"1\":\"deputy\",\"2\":\"ref\",\"to\":\"user\",\"on_delete\":\"clear\",\"index\":true,"
    "\"readonly\":true,"
    "\"label\":{\"en\":\"Deputy\",\"el\":\"Αναπληρωτής\"}}]}";

/* A team with others below it stays until those are moved: deleting it must not widen or cut what
 * its leader sees without a word. */
static const char team_json[] =
    "{\"label\":{\"en\":\"Team\",\"el\":\"Ομάδα\"},"
    "\"plural\":{\"en\":\"Teams\",\"el\":\"Ομάδες\"},\"title\":\"name\",\"icon\":\"users\","
    "\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true,\"unique\":true,\"max\":120,"
    "\"label\":{\"en\":\"Name\",\"el\":\"Όνομα\"}},"
    "{\"1\":\"members\",\"2\":\"refs\",\"to\":\"user\","
    "\"label\":{\"en\":\"Members\",\"el\":\"Μέλη\"}},"
    "{\"1\":\"leader\",\"2\":\"ref\",\"to\":\"user\",\"on_delete\":\"clear\","
    "\"label\":{\"en\":\"Leader\",\"el\":\"Επικεφαλής\"}},"
    "{\"1\":\"parent\",\"2\":\"ref\",\"to\":\"team\",\"acyclic\":true,"
    "\"label\":{\"en\":\"Belongs to\",\"el\":\"Υπάγεται σε\"}}]}";

/* Which rows, by what they hold: rules is a map of object types to filters. */
static const char territory_json[] =
    "{\"label\":{\"en\":\"Territory\",\"el\":\"Περιοχή ευθύνης\"},"
    "\"plural\":{\"en\":\"Territories\",\"el\":\"Περιοχές ευθύνης\"},\"title\":\"name\","
    "\"path\":\"territories\",\"icon\":\"map\",\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true,\"unique\":true,\"max\":120,"
    "\"label\":{\"en\":\"Name\",\"el\":\"Όνομα\"}},"
    "{\"1\":\"parent\",\"2\":\"ref\",\"to\":\"territory\",\"acyclic\":true,"
    "\"label\":{\"en\":\"Belongs to\",\"el\":\"Υπάγεται σε\"}},"
    "{\"1\":\"rules\",\"2\":\"json\","
    "\"label\":{\"en\":\"Which records\",\"el\":\"Ποιες εγγραφές\"}},"
    "{\"1\":\"members\",\"2\":\"refs\",\"to\":\"user\","
    "\"label\":{\"en\":\"Members\",\"el\":\"Μέλη\"}},"
    "{\"1\":\"teams\",\"2\":\"refs\",\"to\":\"team\","
    "\"label\":{\"en\":\"Teams\",\"el\":\"Ομάδες\"}},"
    "{\"1\":\"active_from\",\"2\":\"datetime\","
    "\"label\":{\"en\":\"Active from\",\"el\":\"Ενεργή από\"}},"
    "{\"1\":\"active_until\",\"2\":\"datetime\","
    "\"label\":{\"en\":\"Active until\",\"el\":\"Ενεργή έως\"}}],"
    "\"rules\":[{\"1\":\"ends_after_it_begins\",\"2\":\"active_until > active_from\","
    "\"message\":{\"en\":\"It ends after it begins\",\"el\":\"Λήγει αφού αρχίσει\"}}]}";

/* A question that is kept: query holds filter, order, fields, include, group and measures as data.
 * label is a map of languages. Whom it is shared with is judged in record_saved.c. */
static const char view_json[] =
    "{\"label\":{\"en\":\"Saved view\",\"el\":\"Αποθηκευμένη προβολή\"},"
    "\"plural\":{\"en\":\"Saved views\",\"el\":\"Αποθηκευμένες προβολές\"},"
    "\"title\":\"name\",\"icon\":\"filter\",\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true,\"max\":120,\"index\":true,"
    "\"label\":{\"en\":\"Name\",\"el\":\"Όνομα\"}},"
    "{\"1\":\"label\",\"2\":\"json\",\"label\":{\"en\":\"Label\",\"el\":\"Ετικέτα\"}},"
    "{\"1\":\"object\",\"2\":\"text\",\"required\":true,\"max\":40,\"index\":true,"
    "\"label\":{\"en\":\"Object\",\"el\":\"Αντικείμενο\"}},"
    "{\"1\":\"query\",\"2\":\"json\",\"required\":true,"
    "\"label\":{\"en\":\"Query\",\"el\":\"Ερώτημα\"}},"
    "{\"1\":\"shared\",\"2\":\"enum\",\"default\":\"nobody\",\"required\":true,\"of\":["
    "[\"nobody\",{\"en\":\"Nobody\",\"el\":\"Κανέναν\"}],"
    "[\"team\",{\"en\":\"A team\",\"el\":\"Μια ομάδα\"}],"
    "[\"role\",{\"en\":\"A role\",\"el\":\"Έναν ρόλο\"}],"
    "[\"everyone\",{\"en\":\"Everyone\",\"el\":\"Όλους\"}]],"
    "\"label\":{\"en\":\"Shared with\",\"el\":\"Κοινή με\"}},"
    "{\"1\":\"team\",\"2\":\"ref\",\"to\":\"team\",\"on_delete\":\"clear\","
    "\"label\":{\"en\":\"Team\",\"el\":\"Ομάδα\"}},"
    "{\"1\":\"role\",\"2\":\"text\",\"max\":80,\"index\":true,"
    "\"label\":{\"en\":\"Role\",\"el\":\"Ρόλος\"}},"
    "{\"1\":\"is_default\",\"2\":\"boolean\",\"default\":false,"
    "\"label\":{\"en\":\"Shown first to its owner\",\"el\":\"Πρώτη για τον κάτοχο\"}}],"
    "\"indexes\":[{\"1\":\"owner\",\"2\":\"object\",\"3\":\"name\",\"unique\":true}]}";

static const char role_json[] =
    "{\"label\":{\"en\":\"Role\",\"el\":\"Ρόλος\"},"
    "\"plural\":{\"en\":\"Roles\",\"el\":\"Ρόλοι\"},\"title\":\"name\",\"icon\":\"shield\","
    "\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true,\"unique\":true,\"max\":80,"
    "\"label\":{\"en\":\"Name\",\"el\":\"Όνομα\"}},"
    "{\"1\":\"label\",\"2\":\"text\",\"max\":200,"
    "\"label\":{\"en\":\"Label\",\"el\":\"Ετικέτα\"}},"
    "{\"1\":\"grants\",\"2\":\"json\",\"label\":{\"en\":\"Grants\",\"el\":\"Δικαιώματα\"}},"
    "{\"1\":\"audit\",\"2\":\"boolean\",\"default\":false,"
    "\"label\":{\"en\":\"Sees the audit trail\",\"el\":\"Βλέπει το ίχνος ελέγχου\"}},"
    "{\"1\":\"admin\",\"2\":\"boolean\",\"default\":false,"
    "\"label\":{\"en\":\"Administers\",\"el\":\"Διαχειρίζεται\"}},"
    "{\"1\":\"compartments\",\"2\":\"boolean\",\"default\":false,"
    "\"label\":{\"en\":\"Makes compartments\",\"el\":\"Δημιουργεί διαμερίσματα\"}},"
    "{\"1\":\"break_glass\",\"2\":\"boolean\",\"default\":false,"
    "\"label\":{\"en\":\"May break the glass\",\"el\":\"Ανοίγει σε έκτακτη ανάγκη\"}}]}";

/* What waits for people (contract 13): a move that needs four eyes, or a flow that asked. All of it
 * is the store's own to write (record_write.c refuses everybody else). content_hash is that of the
 * record as it was when it was asked for; `subject_owner` was its owner then, by whom rights are
 * judged; the owner is who asked, when that was a person. `run` and `seq` name the flow's
 * command. */
static const char approval_json[] =
    "{\"label\":{\"en\":\"Approval\",\"el\":\"Έγκριση\"},"
    "\"plural\":{\"en\":\"Approvals\",\"el\":\"Εγκρίσεις\"},\"icon\":\"check-square\","
    "\"compartment\":\"optional\",\"fields\":["
    "{\"1\":\"object\",\"2\":\"text\",\"required\":true,\"readonly\":true,\"max\":40,"
    "\"label\":{\"en\":\"Object\",\"el\":\"Αντικείμενο\"}},"
    "{\"1\":\"record\",\"2\":\"text\",\"required\":true,\"readonly\":true,\"max\":13,\"index\":"
    "true,"
    "\"label\":{\"en\":\"Record\",\"el\":\"Εγγραφή\"}},"
    "{\"1\":\"title\",\"2\":\"json\",\"readonly\":true,"
    "\"label\":{\"en\":\"What is asked\",\"el\":\"Τι ζητείται\"}},"
    "{\"1\":\"field\",\"2\":\"text\",\"readonly\":true,\"max\":40,"
    "\"label\":{\"en\":\"Field\",\"el\":\"Πεδίο\"}},"
    "{\"1\":\"from\",\"2\":\"text\",\"readonly\":true,\"max\":120,"
    "\"label\":{\"en\":\"From\",\"el\":\"Από\"}},"
    "{\"1\":\"to\",\"2\":\"text\",\"readonly\":true,\"max\":120,"
    "\"label\":{\"en\":\"To\",\"el\":\"Προς\"}},"
    "{\"1\":\"role\",\"2\":\"text\",\"readonly\":true,\"max\":80,"
    "\"label\":{\"en\":\"Role\",\"el\":\"Ρόλος\"}},"
    "{\"1\":\"quorum\",\"2\":\"integer\",\"readonly\":true,\"default\":1,"
    "\"label\":{\"en\":\"Votes needed\",\"el\":\"Απαιτούμενες ψήφοι\"}},"
    "{\"1\":\"rejections\",\"2\":\"integer\",\"readonly\":true,\"default\":1,"
    "\"label\":{\"en\":\"Rejections that end it\",\"el\":\"Απορρίψεις που την τερματίζουν\"}},"
    "{\"1\":\"exclude\",\"2\":\"json\",\"readonly\":true,"
    "\"label\":{\"en\":\"May not decide\",\"el\":\"Δεν αποφασίζουν\"}},"
    "{\"1\":\"requested_by\",\"2\":\"text\",\"readonly\":true,\"required\":true,\"max\":200,"
    "\"label\":{\"en\":\"Requested by\",\"el\":\"Αιτήθηκε από\"}},"
    "{\"1\":\"subject_owner\",\"2\":\"ref\",\"readonly\":true,\"to\":\"user\",\"on_delete\":"
    "\"clear\","
    "\"label\":{\"en\":\"Owner of the record\",\"el\":\"Υπεύθυνος εγγραφής\"}},"
    "{\"1\":\"base_version\",\"2\":\"integer\",\"readonly\":true,\"required\":true,"
    "\"label\":{\"en\":\"Version\",\"el\":\"Έκδοση εγγραφής\"}},"
    "{\"1\":\"content_hash\",\"2\":\"text\",\"readonly\":true,\"required\":true,\"max\":64,"
    "\"label\":{\"en\":\"Content hash\",\"el\":\"Αποτύπωμα περιεχομένου\"}},"
    "{\"1\":\"data\",\"2\":\"json\",\"readonly\":true,"
    "\"label\":{\"en\":\"Particulars\",\"el\":\"Στοιχεία\"}},"
    "{\"1\":\"plugin\",\"2\":\"text\",\"readonly\":true,\"max\":80,"
    "\"label\":{\"en\":\"Plugin\",\"el\":\"Πρόσθετο\"}},"
    "{\"1\":\"flow\",\"2\":\"text\",\"readonly\":true,\"max\":120,"
    "\"label\":{\"en\":\"Flow\",\"el\":\"Ροή\"}},"
    "{\"1\":\"run\",\"2\":\"text\",\"readonly\":true,\"max\":13,\"index\":true,"
    "\"label\":{\"en\":\"Run\",\"el\":\"Εκτέλεση\"}},"
    "{\"1\":\"seq\",\"2\":\"integer\",\"readonly\":true,"
    "\"label\":{\"en\":\"Command\",\"el\":\"Εντολή\"}},"
    "{\"1\":\"due\",\"2\":\"datetime\",\"readonly\":true,\"index\":true,"
    "\"label\":{\"en\":\"Due\",\"el\":\"Προθεσμία\"}},"
    "{\"1\":\"escalate\",\"2\":\"text\",\"readonly\":true,\"max\":80,"
    "\"label\":{\"en\":\"Then decided by\",\"el\":\"Κατόπιν αποφασίζει\"}},"
    "{\"1\":\"escalated_at\",\"2\":\"datetime\",\"readonly\":true,"
    "\"label\":{\"en\":\"Escalated at\",\"el\":\"Κλιμακώθηκε\"}},"
    "{\"1\":\"expires\",\"2\":\"datetime\",\"readonly\":true,"
    "\"label\":{\"en\":\"Expires\",\"el\":\"Λήγει\"}},"
    "{\"1\":\"state\",\"2\":\"enum\",\"readonly\":true,\"index\":true,\"of\":["
    "[\"pending\",{\"en\":\"Pending\",\"el\":\"Εκκρεμεί\"}],"
    "[\"approved\",{\"en\":\"Approved\",\"el\":\"Εγκρίθηκε\"}],"
    "[\"rejected\",{\"en\":\"Rejected\",\"el\":\"Απορρίφθηκε\"}],"
    "[\"void\",{\"en\":\"Void\",\"el\":\"Άκυρη\"}],"
    "[\"expired\",{\"en\":\"Expired\",\"el\":\"Έληξε\"}],"
    "[\"withdrawn\",{\"en\":\"Withdrawn\",\"el\":\"Αποσύρθηκε\"}],"
    "[\"cancelled\",{\"en\":\"Cancelled\",\"el\":\"Ακυρώθηκε\"}]],"
    "\"label\":{\"en\":\"State\",\"el\":\"Κατάσταση\"}},"
    "{\"1\":\"votes\",\"2\":\"json\",\"readonly\":true,"
    "\"label\":{\"en\":\"Votes\",\"el\":\"Ψήφοι\"}},"
    "{\"1\":\"yes\",\"2\":\"integer\",\"readonly\":true,\"default\":0,"
    "\"label\":{\"en\":\"For\",\"el\":\"Υπέρ\"}},"
    "{\"1\":\"no\",\"2\":\"integer\",\"readonly\":true,\"default\":0,"
    "\"label\":{\"en\":\"Against\",\"el\":\"Κατά\"}},"
    "{\"1\":\"decided_by\",\"2\":\"text\",\"readonly\":true,\"max\":200,"
    "\"label\":{\"en\":\"Decided by\",\"el\":\"Αποφάσισε\"}},"
    "{\"1\":\"decided_at\",\"2\":\"datetime\",\"readonly\":true,"
    "\"label\":{\"en\":\"Decided at\",\"el\":\"Αποφασίστηκε\"}},"
    "{\"1\":\"reason\",\"2\":\"text\",\"readonly\":true,\"max\":1000,"
    "\"label\":{\"en\":\"Reason\",\"el\":\"Αιτιολογία\"}}],"
    "\"states\":{\"field\":\"state\",\"initial\":\"pending\",\"moves\":{"
    "\"pending\":[\"approved\",\"rejected\",\"void\",\"expired\",\"withdrawn\",\"cancelled\"]}}}";

/* A set of records whose existence is hidden from those outside (contract 25). It lies in itself:
 * its `compartment` is its own id, and so do the records that say who is inside. All of it is the
 * store's own to write (compartment.c). */
static const char compartment_json[] =
    "{\"label\":{\"en\":\"Compartment\",\"el\":\"Διαμέρισμα\"},"
    "\"plural\":{\"en\":\"Compartments\",\"el\":\"Διαμερίσματα\"},\"title\":\"name\","
    "\"icon\":\"lock\",\"compartment\":\"required\",\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true,\"readonly\":true,\"max\":120,\"index\":true,"
    "\"label\":{\"en\":\"Name\",\"el\":\"Όνομα\"}},"
    "{\"1\":\"label\",\"2\":\"text\",\"readonly\":true,\"max\":200,"
    "\"label\":{\"en\":\"Label\",\"el\":\"Ετικέτα\"}},"
    "{\"1\":\"purpose\",\"2\":\"text\",\"readonly\":true,\"max\":1000,"
    "\"label\":{\"en\":\"Purpose\",\"el\":\"Σκοπός\"}},"
    "{\"1\":\"break_glass\",\"2\":\"boolean\",\"readonly\":true,\"default\":false,"
    "\"label\":{\"en\":\"Glass may be broken\",\"el\":\"Ανοίγει σε έκτακτη ανάγκη\"}}]}";

/* Who is inside a compartment, was, or asks to be: a member, one who crosses for a while, one who
 * broke the glass. `who` stays when the user's record goes. */
static const char compartment_access_json[] =
    "{\"label\":{\"en\":\"Access to a compartment\",\"el\":\"Πρόσβαση σε διαμέρισμα\"},"
    "\"plural\":{\"en\":\"Accesses to compartments\",\"el\":\"Προσβάσεις σε διαμερίσματα\"},"
    "\"path\":\"compartment_accesses\",\"title\":\"who\",\"icon\":\"key\","
    "\"compartment\":\"required\",\"fields\":["
    "{\"1\":\"of\",\"2\":\"ref\",\"to\":\"compartment\",\"required\":true,\"readonly\":true,"
    "\"on_delete\":\"cascade\",\"index\":true,"
    "\"label\":{\"en\":\"Compartment\",\"el\":\"Διαμέρισμα\"}},"
    "{\"1\":\"kind\",\"2\":\"enum\",\"required\":true,\"readonly\":true,\"of\":["
    "[\"member\",{\"en\":\"Member\",\"el\":\"Μέλος\"}],"
    "[\"crossing\",{\"en\":\"Crossing\",\"el\":\"Διέλευση\"}],"
    "[\"break_glass\",{\"en\":\"Break-glass\",\"el\":\"Έκτακτη ανάγκη\"}]],"
    "\"label\":{\"en\":\"Kind\",\"el\":\"Είδος\"}},"
    "{\"1\":\"who\",\"2\":\"text\",\"required\":true,\"readonly\":true,\"max\":200,"
    "\"label\":{\"en\":\"Who\",\"el\":\"Ποιος\"}},"
    "{\"1\":\"user\",\"2\":\"ref\",\"to\":\"user\",\"readonly\":true,\"on_delete\":\"clear\","
    "\"index\":true,"
    "\"label\":{\"en\":\"User\",\"el\":\"Χρήστης\"}},"
    "{\"1\":\"plugin\",\"2\":\"text\",\"readonly\":true,\"max\":80,"
    "\"label\":{\"en\":\"Plugin\",\"el\":\"Πρόσθετο\"}},"
    "{\"1\":\"keeper\",\"2\":\"boolean\",\"readonly\":true,\"default\":false,"
    "\"label\":{\"en\":\"Keeper\",\"el\":\"Υπεύθυνος διαμερίσματος\"}},"
    "{\"1\":\"write\",\"2\":\"boolean\",\"readonly\":true,\"default\":false,"
    "\"label\":{\"en\":\"May write\",\"el\":\"Μπορεί να γράφει\"}},"
    "{\"1\":\"hours\",\"2\":\"integer\",\"readonly\":true,"
    "\"label\":{\"en\":\"Hours\",\"el\":\"Ώρες\"}},"
    "{\"1\":\"from\",\"2\":\"datetime\",\"readonly\":true,"
    "\"label\":{\"en\":\"From\",\"el\":\"Από\"}},"
    "{\"1\":\"until\",\"2\":\"datetime\",\"readonly\":true,"
    "\"label\":{\"en\":\"Until\",\"el\":\"Έως\"}},"
    "{\"1\":\"reason\",\"2\":\"text\",\"readonly\":true,\"max\":1000,"
    "\"label\":{\"en\":\"Reason\",\"el\":\"Αιτιολογία\"}},"
    "{\"1\":\"asked_by\",\"2\":\"text\",\"readonly\":true,\"max\":200,"
    "\"label\":{\"en\":\"Asked by\",\"el\":\"Αιτήθηκε από\"}},"
    "{\"1\":\"decided_by\",\"2\":\"text\",\"readonly\":true,\"max\":200,"
    "\"label\":{\"en\":\"Decided by\",\"el\":\"Αποφάσισε\"}},"
    "{\"1\":\"decided_at\",\"2\":\"datetime\",\"readonly\":true,"
    "\"label\":{\"en\":\"Decided at\",\"el\":\"Αποφασίστηκε\"}},"
    "{\"1\":\"state\",\"2\":\"enum\",\"readonly\":true,\"index\":true,\"of\":["
    "[\"asked\",{\"en\":\"Asked for\",\"el\":\"Ζητήθηκε\"}],"
    "[\"active\",{\"en\":\"Active\",\"el\":\"Ενεργή\"}],"
    "[\"refused\",{\"en\":\"Refused\",\"el\":\"Απορρίφθηκε\"}],"
    "[\"ended\",{\"en\":\"Ended\",\"el\":\"Έληξε\"}]],"
    "\"label\":{\"en\":\"State\",\"el\":\"Κατάσταση\"}},"
    "{\"1\":\"ended_by\",\"2\":\"text\",\"readonly\":true,\"max\":200,"
    "\"label\":{\"en\":\"Ended by\",\"el\":\"Τερματίστηκε από\"}},"
    "{\"1\":\"review\",\"2\":\"enum\",\"readonly\":true,\"index\":true,\"of\":["
    "[\"open\",{\"en\":\"To be reviewed\",\"el\":\"Προς έλεγχο\"}],"
    "[\"in_order\",{\"en\":\"In order\",\"el\":\"Εντάξει\"}],"
    "[\"objected\",{\"en\":\"Objected to\",\"el\":\"Με αντίρρηση\"}]],"
    "\"label\":{\"en\":\"Review\",\"el\":\"Έλεγχος\"}},"
    "{\"1\":\"review_due\",\"2\":\"datetime\",\"readonly\":true,"
    "\"label\":{\"en\":\"Review due\",\"el\":\"Προθεσμία ελέγχου\"}},"
    "{\"1\":\"reviewed_by\",\"2\":\"text\",\"readonly\":true,\"max\":200,"
    "\"label\":{\"en\":\"Reviewed by\",\"el\":\"Ελέγχθηκε από\"}},"
    "{\"1\":\"reviewed_at\",\"2\":\"datetime\",\"readonly\":true,"
    "\"label\":{\"en\":\"Reviewed at\",\"el\":\"Ελέγχθηκε στις\"}},"
    "{\"1\":\"comment\",\"2\":\"text\",\"readonly\":true,\"max\":1000,"
    "\"label\":{\"en\":\"Comment\",\"el\":\"Σχόλιο\"}}],"
    "\"states\":{\"field\":\"state\",\"initial\":\"asked\",\"moves\":{"
    "\"asked\":[\"active\",\"refused\"],\"active\":[\"ended\"]}}}";

/* Where events are sent to. Keys and the values of headers are in tables of webhook's own;
 * `headers` are the names alone. `stopped` says why the service switched it off. */
static const char webhook_json[] =
    "{\"label\":{\"en\":\"Webhook\",\"el\":\"Webhook\"},"
    "\"plural\":{\"en\":\"Webhooks\",\"el\":\"Webhooks\"},\"title\":\"name\",\"icon\":\"send\","
    "\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true,\"unique\":true,\"max\":120,"
    "\"label\":{\"en\":\"Name\",\"el\":\"Όνομα\"}},"
    "{\"1\":\"description\",\"2\":\"long_text\",\"max\":1000,"
    "\"label\":{\"en\":\"Description\",\"el\":\"Περιγραφή\"}},"
    "{\"1\":\"url\",\"2\":\"long_text\",\"required\":true,\"max\":2048,"
    "\"label\":{\"en\":\"Address\",\"el\":\"Διεύθυνση\"}},"
    "{\"1\":\"events\",\"2\":\"json\",\"required\":true,"
    "\"label\":{\"en\":\"Events\",\"el\":\"Συμβάντα\"}},"
    "{\"1\":\"filter\",\"2\":\"long_text\",\"max\":4096,"
    "\"label\":{\"en\":\"Filter\",\"el\":\"Φίλτρο\"}},"
    "{\"1\":\"payload\",\"2\":\"enum\",\"default\":\"notice\",\"required\":true,\"of\":["
    "[\"notice\",{\"en\":\"What changed\",\"el\":\"Τι άλλαξε\"}],"
    "[\"changes\",{\"en\":\"With the values\",\"el\":\"Μαζί με τις τιμές\"}]],"
    "\"label\":{\"en\":\"Payload\",\"el\":\"Περιεχόμενο\"}},"
    "{\"1\":\"payload_version\",\"2\":\"integer\",\"default\":1,\"required\":true,\"min\":1,"
    "\"max\":1,"
    "\"label\":{\"en\":\"Version of the payload\",\"el\":\"Έκδοση περιεχομένου\"}},"
    "{\"1\":\"headers\",\"2\":\"json\","
    "\"label\":{\"en\":\"Names of headers\",\"el\":\"Ονόματα κεφαλίδων\"}},"
    "{\"1\":\"enabled\",\"2\":\"boolean\",\"default\":true,\"required\":true,"
    "\"label\":{\"en\":\"Enabled\",\"el\":\"Ενεργό\"}},"
    "{\"1\":\"stopped\",\"2\":\"text\",\"max\":500,"
    "\"label\":{\"en\":\"Why it was stopped\",\"el\":\"Γιατί διακόπηκε\"}},"
    "{\"1\":\"role\",\"2\":\"ref\",\"to\":\"role\",\"on_delete\":\"restrict\","
    "\"label\":{\"en\":\"Sees what this role sees\",\"el\":\"Βλέπει ό,τι ο ρόλος\"}},"
    "{\"1\":\"user\",\"2\":\"ref\",\"to\":\"user\",\"on_delete\":\"clear\","
    "\"label\":{\"en\":\"Sees what this user sees\",\"el\":\"Βλέπει ό,τι ο χρήστης\"}}]}";

/* Records that must be kept though somebody wants them gone: no erasure, no deletion, no archive.
 * It ends when it is lifted, with a reason, or at its time; its own history tells of both. */
static const char legal_hold_json[] =
    "{\"label\":{\"en\":\"Legal hold\",\"el\":\"Νομική δέσμευση\"},"
    "\"plural\":{\"en\":\"Legal holds\",\"el\":\"Νομικές δεσμεύσεις\"},\"title\":\"reason\","
    "\"icon\":\"lock\",\"compartment\":\"optional\",\"fields\":["
    "{\"1\":\"object\",\"2\":\"text\",\"required\":true,\"max\":40,"
    "\"label\":{\"en\":\"Object\",\"el\":\"Αντικείμενο\"}},"
    "{\"1\":\"record\",\"2\":\"text\",\"required\":true,\"max\":13,\"index\":true,"
    "\"label\":{\"en\":\"Record\",\"el\":\"Εγγραφή\"}},"
    "{\"1\":\"reason\",\"2\":\"text\",\"required\":true,\"max\":1000,"
    "\"label\":{\"en\":\"Reason\",\"el\":\"Αιτιολογία\"}},"
    "{\"1\":\"starts_at\",\"2\":\"datetime\","
    "\"label\":{\"en\":\"From\",\"el\":\"Από\"}},"
    "{\"1\":\"ends_at\",\"2\":\"datetime\","
    "\"label\":{\"en\":\"Until\",\"el\":\"Έως\"}},"
    "{\"1\":\"lifted\",\"2\":\"text\",\"max\":1000,"
    "\"label\":{\"en\":\"Lifted, because\",\"el\":\"Άρση, αιτιολογία\"}}]}";

static void put_object(struct arena *arena, struct value *objects, const char *name,
                       struct str json)
{
    struct value declared;
    enum err err = json_decode(arena, json, &declared, NULL);
    ASSERT(err == OK);
    value_put_c(arena, objects, name, declared);
}

struct schema_source core_schema(struct arena *arena)
{
    struct value objects = value_map_new();
    put_object(arena, &objects, "user", STR(user_json));
    put_object(arena, &objects, "team", STR(team_json));
    put_object(arena, &objects, "role", STR(role_json));
    put_object(arena, &objects, "territory", STR(territory_json));
    put_object(arena, &objects, "view", STR(view_json));
    put_object(arena, &objects, "approval", STR(approval_json));
    put_object(arena, &objects, "webhook", STR(webhook_json));
    put_object(arena, &objects, "compartment", STR(compartment_json));
    put_object(arena, &objects, "compartment_access", STR(compartment_access_json));
    put_object(arena, &objects, "legal_hold", STR(legal_hold_json));
    struct value tree = value_map_new();
    value_put_c(arena, &tree, "objects", objects);
    return (struct schema_source){.plugin = STR("core"), .tree = tree};
}
