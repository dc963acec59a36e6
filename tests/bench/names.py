"""Persons that nobody is: names in Greek and in Latin letters, some as common as in a telephone book, from a seed."""
import random

GREEK_FIRST = """Γιώργος Δημήτρης Κώστας Γιάννης Νίκος Παναγιώτης Βασίλης Χρήστος Θανάσης Μιχάλης Αντώνης Θόδωρος Σπύρος Ευάγγελος
Ιωάννης Γεώργιος Κωνσταντίνος Σωτήρης Ηλίας Στέλιος Μαρία Ελένη Κατερίνα Βασιλική Σοφία Αγγελική Γεωργία Δήμητρα Αναστασία Ευαγγελία
Ιωάννα Χριστίνα Φωτεινή Ξένια Θεοδώρα Παρασκευή Ουρανία Ειρήνη Άννα Χαρίκλεια Τζένη Ντίνα Μπάμπης""".split()
GREEK_LAST = """Παπαδόπουλος Παππάς Καραγιάννης Βλάχος Ιωαννίδης Οικονόμου Παπαγεωργίου Μακρής Κωνσταντινίδης Δημόπουλος Παπαδάκης
Νικολαΐδης Γεωργίου Χριστοδούλου Μπέης Θεοδώρου Αγγελόπουλος Αθανασίου Βασιλείου Καλογερόπουλος Λαμπρόπουλος Μιχαηλίδης Ξανθόπουλος
Σταυρόπουλος Τσακίρης Φωτόπουλος Χατζηδάκης Ψαράς Ζαχαρίου Ευθυμίου Ρήγας Πετρόπουλος Αλεξίου Αναγνώστου Γκίκας Ντόκος Τζαννετάκης
Σακελλαρίου Κουτσογιάννης Μαυρίδης Σιδέρης Τριανταφύλλου Χουλιάρας Δελής Ζέρβας""".split()
LATIN_FIRST = """John Mary James Anna Peter Laura Michael Sophie Thomas Julia Martin Claire Paul Elena David Marta Daniel Ingrid Stefan
Chiara Lukas Nora Erik Alice Hugo Élodie Jürgen Søren Zoë Ana""".split()
LATIN_LAST = """Smith Müller Jensen García Rossi Martin Novák Kowalski Silva Andersson Johnson Schmidt Hansen Fernández Bianchi Bernard
Svoboda Nowak Santos Nilsson Williams Weber Larsen López Ferrari Dubois Horváth Wójcik Costa Karlsson Brown Lefèvre Popescu Ivanov
Papas Dimitrov Fischer O'Connor Visser Dupont""".split()
STEMS = "Αιγαίο Ήπειρος Θράκη Κρόνος Όλυμπος Nordic Baltic Iberia Alpine Danube Atlas Orion Vega Delta Sigma".split()
KINDS = "Ναυτιλιακή Τεχνική Εμπορική Ξενοδοχειακή Shipping Foods Energy Textiles Pharma Logistics".split()
CITIES = "Αθήνα Θεσσαλονίκη Πάτρα Ηράκλειο Λάρισα Berlin Roma Paris Praha Lisboa".split()


def common(chance, words):
    """The first ones far more often than the last."""
    return words[min(int(chance.expovariate(6 / len(words))), len(words) - 1)]


def person(chance):
    greek = chance.random() < 0.6
    first = common(chance, GREEK_FIRST if greek else LATIN_FIRST)
    last = common(chance, GREEK_LAST if greek else LATIN_LAST)
    if chance.random() < 0.3:  # names that few bear
        last = last[:4] + chance.choice("αειου" if greek else "aeiou") + last[4:] + chance.choice(("ίδης", "άκος") if greek else ("son", "ini"))
    employer = f"{common(chance, STEMS)} {common(chance, KINDS)} {chance.randrange(2000)}"
    return f"{last} {first}", employer, chance.choice(CITIES)
