public import Foundation
public import Resilience
internal import ResilienceCore

extension ResilienceModule.Configuration {
    /// Reads a configuration from a file that holds a JSON document.
    ///
    /// What the document says is checked where it is put in force: by `ResilienceModule.update(_:)` or its initializer.
    ///
    /// - Throws: ``ConfigurationFileError``: there is no such file, it cannot be read, or it holds no JSON.
    public init(contentsOf file: URL) throws(ConfigurationFileError) {
        let data: Data
        do {
            data = try Data(contentsOf: file)
        } catch {
            throw ConfigurationFileError(file: file, problem: .init(reading: error))
        }
        try self.init(json: data, from: file)
    }

    init(json data: Data, from file: URL) throws(ConfigurationFileError) {
        do {
            self.init(try JSONDecoder().decode(ConfigurationValue.self, from: data))
        } catch {
            throw ConfigurationFileError(file: file, problem: .malformed(MalformedJSON(error, in: data)))
        }
    }
}

/// The error of a configuration file that cannot be read.
public struct ConfigurationFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is the matter with the file.
    public enum Problem: Sendable, Equatable {
        /// There is none.
        case missing
        /// It is there, but cannot be read; with the reason.
        case unreadable(String)
        /// It holds no JSON.
        case malformed(MalformedJSON)

        init(reading error: any Error) {
            let isMissing = (error as? CocoaError)?.code == .fileReadNoSuchFile
            self = isMissing ? .missing : .unreadable((error as NSError).localizedDescription)
        }
    }

    /// The file.
    public let file: URL
    /// What is the matter with it.
    public let problem: Problem

    /// `/etc/shop/resilience.json:12:3: unexpected character`
    public var description: String {
        switch problem {
        case .missing: "\(file.path): there is no such file"
        case .unreadable(let reason): "\(file.path): cannot be read: \(reason)"
        case .malformed(let fault): "\(file.path):\(fault)"
        }
    }
}

/// Where and why a text is no JSON.
public struct MalformedJSON: Sendable, Equatable, CustomStringConvertible {
    /// The line, from 1; `nil` if the parser does not say where.
    public let line: Int?
    /// The column in UTF-8 bytes, from 1.
    public let column: Int?
    /// What the parser says.
    public let reason: String

    /// The decoder does not say where; the parser beneath it does.
    init(_ error: any Error, in data: Data) {
        var reason = "\(error)"
        if case .dataCorrupted(let context) = error as? DecodingError { reason = context.debugDescription }
        do {
            _ = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
        } catch {
            reason = (error as NSError).userInfo["NSDebugDescription"] as? String ?? reason
        }
        let position = Self.position(in: reason, of: data)
        (line, column) = (position?.line, position?.column)
        self.reason = reason
    }

    /// The parser's own words: `… around character 19.`, or `… around line 3, column 14.`
    private static func position(in reason: String, of data: Data) -> (line: Int, column: Int)? {
        if let match = reason.firstMatch(of: /line (\d+), column (\d+)/), let line = Int(match.1),
            let column = Int(match.2)
        {
            return (line, column + 1)
        }
        let newline = UInt8(ascii: "\n")
        let offset =
            if let match = reason.firstMatch(of: /character (\d+)/) { Int(match.1) } else { Int?.none }
        // Without a place, the text ends too early.
        let before = [UInt8](data.prefix(offset ?? data.count))
        let lineStart = before.lastIndex(of: newline).map { $0 + 1 } ?? 0
        return (before.count { $0 == newline } + 1, before.count - lineStart + 1)
    }

    /// `12:3: unexpected character`
    public var description: String {
        guard let line, let column else { return " \(reason)" }
        return "\(line):\(column): \(reason)"
    }
}
