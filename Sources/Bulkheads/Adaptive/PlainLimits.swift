internal import ResilienceCore

extension AIMDLimit: PlainLimit {
    static var known: KnownLimit { .aimd }
    static var field: String { "aimdLimit" }
    static var standard: AIMDLimit { AIMDLimit() }

    func reading(_ object: inout ConfigurationReader.Object) -> AIMDLimit {
        var (initial, minimum, maximum, backoff, timeout) = (initial, minimum, maximum, backoff, timeout)
        object.read("initial", &initial)
        object.read("minimum", &minimum)
        object.read("maximum", &maximum)
        object.read("backoff", &backoff)
        object.read("timeout", &timeout)
        return AIMDLimit(initial: initial, minimum: minimum, maximum: maximum, backoff: backoff, timeout: timeout)
    }

    var parameters: ConfigurationValue {
        [
            "initial": .integer(initial), "minimum": .integer(minimum), "maximum": .integer(maximum),
            "backoff": .number(backoff), "timeout": .duration(timeout),
        ]
    }
}

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
