#if HTTPTypes
    // Code that uses requests of HTTPTypes needs the rules for them, too.
    @_exported public import HTTPSemantics
    public import HTTPTypes

    extension HTTPFields {
        /// The values of a field by its name, one for each line; none for an invalid name.
        public var lookup: HTTPHeaderLookup {
            { name in HTTPField.Name(name).map { self[values: $0] } ?? [] }
        }

        /// Adds fields by their names, in the place of those that are there. Invalid names are left out.
        public mutating func set(_ fields: [(name: String, value: String)]) {
            for field in fields {
                if let name = HTTPField.Name(field.name) { self[name] = field.value }
            }
        }
    }

    extension HTTPReplay {
        /// Describes a request.
        ///
        /// - Parameters:
        ///   - request: The request, with an `Idempotency-Key` if it has one.
        ///   - body: What its body is good for. Default: there is none.
        ///   - isIdempotent: What the call says of itself. Default: `nil`, the method and the key decide.
        public init(_ request: HTTPRequest, body: HTTPBodyReplay = .none, idempotent isIdempotent: Bool? = nil) {
            self.init(
                method: request.method.rawValue, body: body, idempotent: isIdempotent,
                headers: request.headerFields.lookup)
        }
    }

    extension HTTPPipeline.Head {
        /// The head of a response.
        public init(_ response: HTTPResponse) {
            self.init(status: response.status.code, headers: response.headerFields.lookup)
        }
    }

    extension HTTPResponseRule {
        /// The failure of a response; `nil` if it is an answer.
        public func failure(of response: HTTPResponse, secondsSince1970 now: Double? = nil) -> HTTPFailure? {
            failure(status: response.status.code, secondsSince1970: now, headers: response.headerFields.lookup)
        }
    }
#endif
