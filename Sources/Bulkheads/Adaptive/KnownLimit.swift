internal import ResilienceCore

/// An algorithm that a document can describe.
protocol DocumentedLimit: ConcurrencyLimit {
    /// An object with the algorithm's word as its key: `{"aimd": {…}}`.
    var document: ConfigurationValue { get }
}

/// An algorithm with nothing but numbers for its parameters.
protocol PlainLimit: DocumentedLimit {
    /// Which of them it is.
    static var known: KnownLimit { get }
    /// What its own check calls it.
    static var field: String { get }
    /// With the defaults.
    static var standard: Self { get }

    /// The same algorithm with the parameters that the document holds.
    func reading(_ object: inout ConfigurationReader.Object) -> Self
    var parameters: ConfigurationValue { get }
}

extension PlainLimit {
    /// The key of its parameters in a document.
    static var word: String { known.rawValue }

    var document: ConfigurationValue { .object([Self.word: parameters]) }

    /// Onto the present limit if it is of the same kind, otherwise onto the defaults.
    static func read(_ reader: ConfigurationReader, onto present: (any DocumentedLimit)?) -> Self? {
        var read: Self?
        reader.object { read = (present as? Self ?? standard).reading(&$0) }
        return read
    }
}

/// The algorithms there are, by the keys of their parameters in a document. One that has no case has no
/// ``PlainLimit/known``, and does not compile.
enum KnownLimit: String, CaseIterable {
    case aimd, vegas, gradient2

    var type: any PlainLimit.Type {
        switch self {
        case .aimd: AIMDLimit.self
        case .vegas: VegasLimit.self
        case .gradient2: Gradient2Limit.self
        }
    }
}

/// Reading any of them: here, because what is static cannot be called on a protocol.
extension KnownLimit {
    static let words = allCases.map(\.rawValue)

    /// The algorithm that is a key of the object; `nil` if none is, or it cannot be read.
    ///
    /// - Parameter path: What the check of the algorithm around it calls that.
    static func read(
        _ object: inout ConfigurationReader.Object, onto present: (any DocumentedLimit)?, inside path: String = ""
    ) -> (any PlainLimit)? {
        var found: (any PlainLimit)?
        for type in allCases.map(\.type) {
            guard let reader = object.reader(type.word) else { continue }
            let read: (any PlainLimit)? = type.read(reader.checked(as: path + type.field), onto: present)
            found = found ?? read
        }
        return found
    }

    /// Notes that there is no algorithm, unless there is one with a fault of its own.
    static func refuseNone(_ object: ConfigurationReader.Object, beside others: [String] = []) {
        if words.contains(where: object.has) { return }
        object.reader.refuse("holds none of \((words + others).joined(separator: ", "))")
    }
}
