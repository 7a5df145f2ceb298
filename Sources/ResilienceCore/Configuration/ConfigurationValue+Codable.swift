extension ConfigurationValue: Codable {
    /// How deep lists and objects may stand in each other: 64. The documents of this package need six.
    public static let maxDepth = 64

    /// Decodes a value of any kind, in any format.
    ///
    /// - Throws: `DecodingError` for what is no value of these kinds, or is nested more than ``maxDepth`` deep.
    public init(from decoder: any Decoder) throws {
        guard decoder.codingPath.count <= Self.maxDepth else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: [], debugDescription: "nested more than \(Self.maxDepth) deep"))
        }
        if let values = try? decoder.container(keyedBy: Key.self) {
            var object: [String: ConfigurationValue] = [:]
            for key in values.allKeys {
                object[key.stringValue] = try values.decode(ConfigurationValue.self, forKey: key)
            }
            self = .object(object)
            return
        }
        if var values = try? decoder.unkeyedContainer() {
            var array: [ConfigurationValue] = []
            while !values.isAtEnd { array.append(try values.decode(ConfigurationValue.self)) }
            self = .array(array)
            return
        }
        self = try Self.scalar(decoder.singleValueContainer())
    }

    /// A boolean is asked for before a number, and a number before a text, so that no decoder can take one for another.
    private static func scalar(_ container: any SingleValueDecodingContainer) throws -> ConfigurationValue {
        if container.decodeNil() { return .null }
        if let value = try? container.decode(Bool.self) { return .boolean(value) }
        if let value = try? container.decode(Int.self) { return .integer(value) }
        if let value = try? container.decode(Double.self) { return .number(value) }
        return .string(try container.decode(String.self))
    }

    /// Encodes the value in the format's own terms: an object as an object.
    ///
    /// - Throws: What the encoder throws, such as for a number that its format cannot hold.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        case .boolean(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .integer(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .number(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .string(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .array(let values):
            var container = encoder.unkeyedContainer()
            for value in values { try container.encode(value) }
        case .object(let values):
            var container = encoder.container(keyedBy: Key.self)
            for (key, value) in values { try container.encode(value, forKey: Key(key)) }
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { self.init("\(intValue)") }
    }
}
