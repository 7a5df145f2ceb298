internal import ResilienceCore

extension Gradient2Limit: PlainLimit {
    static var known: KnownLimit { .gradient2 }
    static var field: String { "gradient2Limit" }
    static var standard: Gradient2Limit { Gradient2Limit() }

    func reading(_ object: inout ConfigurationReader.Object) -> Gradient2Limit {
        var (initial, minimum, maximum, smoothing) = (initial, minimum, maximum, smoothing)
        var (queueSize, longWindow, tolerance) = (queueSize, longWindow, tolerance)
        object.read("initial", &initial)
        object.read("minimum", &minimum)
        object.read("maximum", &maximum)
        object.read("smoothing", &smoothing)
        object.read("queueSize", &queueSize)
        object.read("longWindow", &longWindow)
        object.read("tolerance", &tolerance)
        return Gradient2Limit(
            initial: initial, minimum: minimum, maximum: maximum, smoothing: smoothing, queueSize: queueSize,
            longWindow: longWindow, tolerance: tolerance)
    }

    var parameters: ConfigurationValue {
        [
            "initial": .integer(initial), "minimum": .integer(minimum), "maximum": .integer(maximum),
            "smoothing": .number(smoothing), "queueSize": .integer(queueSize), "longWindow": .integer(longWindow),
            "tolerance": .number(tolerance),
        ]
    }
}
