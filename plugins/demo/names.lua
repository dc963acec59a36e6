-- Words that the made-up company and its world are made of. Any likeness is chance.
return {
  el = {
    language = "el", country = { "GR", "GR", "GR", "GR", "CY" },
    given = {
      "Μαρία", "Γιώργος", "Ελένη", "Δημήτρης", "Κατερίνα", "Νίκος", "Βασιλική", "Κώστας", "Σοφία", "Γιάννης", "Αγγελική", "Παναγιώτης",
      "Ιωάννα", "Χρήστος", "Δέσποινα", "Θανάσης", "Αναστασία", "Μιχάλης", "Χριστίνα", "Σπύρος", "Φωτεινή", "Αλέξανδρος", "Ευαγγελία",
      "Στέλιος", "Ζωή", "Λευτέρης", "Άννα", "Πέτρος",
    },
    family = {
      "Παπαδόπουλος", "Οικονόμου", "Βλάχος", "Αγγελόπουλος", "Νικολάου", "Μακρής", "Καραγιάννης", "Δημητρίου", "Σταθόπουλος", "Ιωάννου",
      "Αλεξίου", "Ζαφείρης", "Κωνσταντίνου", "Χατζής", "Γεωργίου", "Λάμπρου", "Αθανασίου", "Ρήγας", "Φωτίου", "Μαυρίδης", "Σαββίδης",
      "Τσακίρης", "Βασιλείου", "Μπακάλης",
    },
    trade = {
      "Ελαιώνες", "Ναυτιλιακή", "Μεταφορική", "Ζαχαροπλαστική", "Οινοποιία", "Κλωστήρια", "Τυροκομική", "Ιχθυοτροφεία", "Αλουμίνια",
      "Φαρμακευτική", "Εκδοτική", "Τουριστική", "Τεχνική", "Ενεργειακή", "Χημικά", "Χαρτοβιομηχανία", "Κεραμική", "Ανθοκομική",
      "Μεσιτική", "Πληροφορική",
    },
    place = {
      "Αιγαίου", "Πηλίου", "Κρήτης", "Θράκης", "Ηπείρου", "Πελοποννήσου", "Μακεδονίας", "Ιονίου", "Αττικής", "Θεσσαλίας", "Κυκλάδων",
      "Ολύμπου", "Παρνασσού", "Ταϋγέτου", "Λέσβου", "Ευβοίας", "Αρκαδίας", "Μάνης", "Σάμου", "Νάξου", "Ροδόπης", "Πίνδου", "Αχαΐας",
      "Δωδεκανήσου", "Κορινθίας", "Φθιώτιδας",
    },
    form = { "ΑΕ", "ΕΠΕ", "ΙΚΕ", "ΟΕ" },
    town = { "Αθήνα", "Θεσσαλονίκη", "Πάτρα", "Ηράκλειο", "Βόλος", "Λάρισα", "Ιωάννινα", "Καβάλα", "Χανιά", "Ρόδος" },
    title = {
      "Διευθύνων σύμβουλος", "Οικονομική διευθύντρια", "Διευθυντής πωλήσεων", "Τεχνικός διευθυντής", "Υπεύθυνη προμηθειών",
      "Λογίστρια", "Διευθυντής παραγωγής", "Υπεύθυνος ποιότητας",
    },
    subject = {
      "Γνωριμία", "Παρουσίαση προσφοράς", "Διαπραγμάτευση τιμής", "Επίσκεψη στο εργοστάσιο", "Παράπονο για παράδοση", "Ανανέωση σύμβασης",
      "Ερώτηση για προδιαγραφές", "Ετήσια ανασκόπηση",
    },
    deal = "Προσφορά", authority = "Περιφέρεια", municipality = "Δήμος",
    promise = { "Να σταλεί νέα προσφορά", "Να οριστεί τεχνική επίσκεψη", "Να απαντηθεί το παράπονο", "Να σταλούν δείγματα" },
  },
  en = {
    language = "en", country = { "GB", "DE", "IT", "NL", "FR", "US" },
    given = {
      "Anna", "James", "Sophie", "Thomas", "Laura", "Daniel", "Emma", "Marco", "Julia", "Peter", "Claire", "Lukas", "Helen", "Oliver",
      "Ingrid", "David", "Nora", "Stefan", "Alice", "Henry",
    },
    family = {
      "Walker", "Fischer", "Rossi", "Jansen", "Dubois", "Bennett", "Keller", "Bianchi", "Visser", "Moreau", "Turner", "Hoffmann", "Greco",
      "Bakker", "Laurent", "Palmer", "Richter", "Conti", "Smit", "Garnier",
    },
    trade = {
      "Olive Groves", "Shipping", "Haulage", "Confectionery", "Wines", "Mills", "Dairies", "Fisheries", "Aluminium", "Pharma", "Press",
      "Travel", "Engineering", "Energy", "Chemicals", "Paper", "Ceramics", "Nurseries", "Brokers", "Software",
    },
    place = {
      "Northern", "Severn", "Alpine", "Rhine", "Baltic", "Tyne", "Tuscan", "Meuse", "Channel", "Highland", "Harbour", "Adriatic", "Lowland",
      "Atlantic", "Danube", "Castle", "Valley", "Bridge", "Riverside", "Summit",
    },
    form = { "Ltd", "GmbH", "BV", "SpA", "SA" },
    town = { "London", "Hamburg", "Milan", "Rotterdam", "Lyon", "Leeds", "Munich", "Turin", "Utrecht", "Boston" },
    title = {
      "Chief Executive", "Finance Director", "Head of Sales", "Technical Director", "Head of Procurement", "Accountant",
      "Production Manager", "Quality Manager",
    },
    subject = {
      "Introduction", "Presentation of the offer", "Price negotiation", "Visit to the plant", "Complaint about a delivery",
      "Renewal of the contract", "Question about specifications", "Yearly review",
    },
    deal = "Offer", authority = "Agency", municipality = "City of",
    promise = { "Send a new offer", "Arrange a technical visit", "Answer the complaint", "Send samples" },
  },
  -- By position, as the trades above.
  industry = {
    "agriculture", "shipping", "transport", "food", "wine", "textiles", "dairy", "fishing", "metals", "pharmaceuticals", "publishing",
    "tourism", "construction", "energy", "chemicals", "paper", "ceramics", "horticulture", "brokerage", "information technology",
  },
}
