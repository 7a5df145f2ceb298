// Code that makes requests needs the rules and settings for them, too.
@_exported public import HTTPSemantics
