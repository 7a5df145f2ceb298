/// A configuration that can be read from a document, and written to one.
///
/// A document is read onto a configuration: what it does not mention stays. So it overrides what code declares, and
/// what it cannot express (functions, such as a condition on errors) survives.
///
/// Conforming types are `Codable` in any format. Decoding reads onto ``documentBase`` and throws a
/// ``ConfigurationError`` with all faults, each with its path.
public protocol DocumentRepresentable: Codable, Sendable {
    /// The key under which the configuration stands in the document of a policy: `circuitBreaker`. The fields that
    /// ``validate()`` names start with it.
    static var documentKey: String { get }

    /// What a document is read onto when it is decoded: the defaults.
    static var documentBase: Self { get }

    /// Takes what the document holds. What cannot be read is noted by the reader; ranges are left to ``validate()``.
    mutating func read(_ reader: ConfigurationReader)

    /// What a document can say about this configuration, complete: read onto the same configuration it changes nothing.
    ///
    /// - Parameter environment: What names in the document stand for.
    func document(in environment: DocumentEnvironment) -> ConfigurationValue

    /// Checks every part.
    ///
    /// - Throws: All faults, each with its field, value and range.
    func validate() throws(ConfigurationError)
}

extension DocumentRepresentable {
    /// What a document can say about this configuration. Functions are left out.
    public var document: ConfigurationValue { document(in: DocumentEnvironment()) }

    /// Reads a document onto a configuration.
    ///
    /// - Parameters:
    ///   - document: The document.
    ///   - base: What holds where the document says nothing. Default: the defaults.
    ///   - path: Where the document stands in a larger one; the paths of faults start with it. Default: nowhere.
    ///   - environment: What names in the document stand for. Default: there are none.
    /// - Throws: All faults of the document, and of the configuration that it makes.
    public init(
        _ document: ConfigurationValue, onto base: Self = Self.documentBase, at path: String = "",
        in environment: DocumentEnvironment = DocumentEnvironment()
    ) throws(ConfigurationError) {
        self = base
        try apply(document, at: path, in: environment)
    }

    /// Takes what a document says; what it does not mention stays. A document with a fault changes nothing.
    ///
    /// - Parameters:
    ///   - document: The document.
    ///   - path: Where the document stands in a larger one; the paths of faults start with it. Default: nowhere.
    ///   - environment: What names in the document stand for. Default: there are none.
    /// - Throws: All faults of the document, and of the configuration that it makes.
    public mutating func apply(
        _ document: ConfigurationValue, at path: String = "",
        in environment: DocumentEnvironment = DocumentEnvironment()
    ) throws(ConfigurationError) {
        let findings = Findings(environment)
        findings.read([ConfigurationReader(document, path: path, field: "", depth: 0, findings)], onto: &self)
        try findings.finish()
    }

    /// Decodes a document onto the defaults. Names are looked up in the decoder's
    /// `userInfo[.documentEnvironment]`.
    ///
    /// - Throws: ``ConfigurationError`` with all faults; what the decoder throws for what is no document.
    public init(from decoder: any Decoder) throws {
        let path = decoder.codingPath.reduce("") { path, key in
            key.intValue.map { "\(path)[\($0)]" } ?? path.step(key.stringValue)
        }
        let environment = CodingUserInfoKey.documentEnvironment.flatMap { decoder.userInfo[$0] as? DocumentEnvironment }
        try self.init(ConfigurationValue(from: decoder), at: path, in: environment ?? DocumentEnvironment())
    }

    /// Encodes the ``document``. Functions are left out.
    ///
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        let environment = CodingUserInfoKey.documentEnvironment.flatMap { encoder.userInfo[$0] as? DocumentEnvironment }
        try document(in: environment ?? DocumentEnvironment()).encode(to: encoder)
    }
}
