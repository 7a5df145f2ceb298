package import ResilienceCore

extension ConfigurationValue {
    /// The same document with one or two places changed: a value replaced, a key misspelt, added or taken away.
    package func mutated(using generator: inout SplitMix64) -> ConfigurationValue {
        (0..<Int.random(in: 1...2, using: &generator)).reduce(self) { value, _ in value.mutatedOnce(using: &generator) }
    }

    private func mutatedOnce(using generator: inout SplitMix64) -> ConfigurationValue {
        switch self {
        case .object(var values) where !values.isEmpty && Int.random(in: 0..<12, using: &generator) > 0:
            guard let key = values.keys.sorted().randomElement(using: &generator), let value = values[key] else {
                return self
            }
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: values[key] = nil
            case 1:
                values[key] = nil
                values[String(key.dropLast())] = value
            case 2: values[key + "x"] = .noise(using: &generator)
            default: values[key] = value.mutatedOnce(using: &generator)
            }
            return .object(values)
        case .array(var values) where !values.isEmpty && Int.random(in: 0..<12, using: &generator) > 0:
            let index = Int.random(in: 0..<values.count, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: values.remove(at: index)
            case 1: values.append(values[index])
            default: values[index] = values[index].mutatedOnce(using: &generator)
            }
            return .array(values)
        default:
            return .noise(using: &generator)
        }
    }

    private static func noise(using generator: inout SplitMix64) -> ConfigurationValue {
        let values: [ConfigurationValue] = [
            nil, true, false, 0, 1, -1, 2, 7, 100, .integer(.max), .integer(.min), 0.5, 1.5, -0.0, .number(1e308),
            .number(.nan), .number(.infinity), "", "2s", "0s", "-1s", "1m30s", "99999999h", "250", "red", "none", [],
            [:],
            ["a": 1], [1], ["1s"], .string(String(repeating: "9", count: 50) + "s"),
        ]
        return values.randomElement(using: &generator) ?? nil
    }
}
