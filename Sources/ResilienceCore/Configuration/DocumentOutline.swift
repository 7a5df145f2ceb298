/// What a configuration asks its document for: the keys that there may be, and the values that it takes there.
///
/// For sources that cannot tell which keys they hold, so that they have to be asked for each. Found by having the
/// configuration read documents that hold one key each, so that it is what the configuration does, and no list that has
/// to be kept up.
package struct DocumentOutline: Sendable {
    /// A form in which values come.
    package enum Form: Sendable, Hashable, CaseIterable {
        case integer
        case number
        case boolean
        /// Durations and words too.
        case text
        case list
    }

    /// A place of a document.
    package struct Place: Sendable, Hashable {
        /// The keys that lead there; none for the configuration as a whole.
        package let path: [String]
        /// The forms in which a value is taken there; none where there are only further keys.
        package let forms: Set<Form>
    }

    /// The places, those further out before those inside.
    package let places: [Place]

    /// How many keys deep it goes: configurations that hold others of their kind would go on without end.
    package static let maxDepth = 4

    /// Finds the places of a type of configurations.
    package init<Part: DocumentRepresentable>(of type: Part.Type) {
        let questions = DocumentQuestions()
        questions.ask(for: "")
        var next = 0
        while next < questions.paths.count {
            let path = questions.paths[next].split(separator: ".").map(String.init)
            next += 1
            guard path.count <= Self.maxDepth else { continue }
            // What is read as text where there is one, and what is asked for inside.
            for value in [ConfigurationValue.string(""), .object([:])] {
                let findings = Findings(DocumentEnvironment())
                findings.questions = questions
                var part = Part.documentBase
                part.read(
                    ConfigurationReader(
                        document: path.reversed().reduce(value) { .object([$1: $0]) }, findings))
            }
        }
        places = questions.paths.map { path in
            Place(path: path.split(separator: ".").map(String.init), forms: questions.forms[path] ?? [])
        }.filter { $0.path.count <= Self.maxDepth }
    }
}

/// Notes what the readers of a document are asked for.
final class DocumentQuestions {
    /// In the order in which they were first asked for.
    private(set) var paths: [String] = []
    private(set) var forms: [String: Set<DocumentOutline.Form>] = [:]
    private var known: Set<String> = []

    func ask(for path: String) {
        if known.insert(path).inserted { paths.append(path) }
    }

    func expect(_ form: DocumentOutline.Form, at path: String) {
        forms[path, default: []].insert(form)
    }
}
