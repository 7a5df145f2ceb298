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
