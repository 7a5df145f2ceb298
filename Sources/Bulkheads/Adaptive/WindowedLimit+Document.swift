internal import ResilienceCore

/// A ``WindowedLimit`` of any of the algorithms: a type of its own, because that is generic, and only the document says
/// in what.
enum AnyWindowedLimit {
    private static let field = "windowedLimit"

    /// Onto the present limit if that is windowed. Without one, the document has to name an algorithm.
    static func read(
        _ reader: ConfigurationReader, onto present: (any DocumentedLimit)?
    ) -> (any DocumentedLimit)? {
        let present = present as? any WindowedDocument
        var read: (any DocumentedLimit)?
        reader.checked(as: field).object { object in
            _ = object.oneOf(KnownLimit.words)
            let named = KnownLimit.read(&object, onto: present?.plainBase, inside: field + ".")
            var window = present?.summary ?? WindowSummary()
            window.read(&object)
            guard let base = named ?? present?.plainBase else {
                return KnownLimit.refuseNone(object)
            }
            read = window.around(base)
        }
        return read
    }
}

/// The parameters of a window.
struct WindowSummary {
    var window = Duration.seconds(1)
    var minimumSamples = 10
    var minimumRoundTripTime = Duration.microseconds(100)
    var toleratedDrops = 0.0

    mutating func read(_ object: inout ConfigurationReader.Object) {
        object.read("window", &window)
        object.read("minimumSamples", &minimumSamples)
        object.read("minimumRoundTripTime", &minimumRoundTripTime)
        object.read("toleratedDrops", &toleratedDrops)
    }

    func around(_ base: some PlainLimit) -> any DocumentedLimit {
        WindowedLimit(
            base, window: window, minimumSamples: minimumSamples, minimumRoundTripTime: minimumRoundTripTime,
            toleratedDrops: toleratedDrops)
    }
}

/// A ``WindowedLimit`` whatever is in it: there is no other cast to a generic type whose parameter is not known.
protocol WindowedDocument: DocumentedLimit {
    var plainBase: any PlainLimit { get }
    var summary: WindowSummary { get }
}

extension WindowedLimit: DocumentedLimit, WindowedDocument where Base: PlainLimit {
    var plainBase: any PlainLimit { base }

    var summary: WindowSummary {
        WindowSummary(
            window: window, minimumSamples: minimumSamples, minimumRoundTripTime: minimumRoundTripTime,
            toleratedDrops: toleratedDrops)
    }

    var document: ConfigurationValue {
        [
            "windowed": .object([
                Base.word: base.parameters, "window": .duration(window), "minimumSamples": .integer(minimumSamples),
                "minimumRoundTripTime": .duration(minimumRoundTripTime), "toleratedDrops": .number(toleratedDrops),
            ])
        ]
    }
}
