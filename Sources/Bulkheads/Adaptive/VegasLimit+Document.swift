internal import ResilienceCore

extension VegasLimit: PlainLimit {
    static var known: KnownLimit { .vegas }
    static var field: String { "vegasLimit" }
    static var standard: VegasLimit { VegasLimit() }

    func reading(_ object: inout ConfigurationReader.Object) -> VegasLimit {
        var (initial, minimum, maximum, smoothing) = (initial, minimum, maximum, smoothing)
        var (alpha, beta, probeInterval) = (alpha, beta, probeInterval)
        object.read("initial", &initial)
        object.read("minimum", &minimum)
        object.read("maximum", &maximum)
        object.read("smoothing", &smoothing)
        object.read("alpha", &alpha)
        object.read("beta", &beta)
        object.read("probeInterval", &probeInterval)
        return VegasLimit(
            initial: initial, minimum: minimum, maximum: maximum, smoothing: smoothing, alpha: alpha, beta: beta,
            probeInterval: probeInterval)
    }

    var parameters: ConfigurationValue {
        [
            "initial": .integer(initial), "minimum": .integer(minimum), "maximum": .integer(maximum),
            "smoothing": .number(smoothing), "alpha": .integer(alpha), "beta": .integer(beta),
            "probeInterval": .integer(probeInterval),
        ]
    }
}
