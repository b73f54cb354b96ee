#include "requests/prisma_schema.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace pulse::requests {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Words, texts in double quotes and single characters; comments are left out.
class token_reader {
 public:
  enum class kind { word, text, mark, line_end, end };

  explicit token_reader(std::string_view text) : rest_(text) {}

  result<kind> next() {
    for (;;) {
      if (rest_.empty()) return kind::end;
      const char c = rest_.front();
      if (c == '\n') {
        rest_.remove_prefix(1);
        ++line_;
        return kind::line_end;
      }
      if (c == ' ' || c == '\t' || c == '\r') {
        rest_.remove_prefix(1);
      } else if (rest_.starts_with("//")) {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (rest_.starts_with("/*")) {
        const auto end = rest_.find("*/", 2);
        if (end == std::string_view::npos) return unfinished("a comment");
        line_ += std::ranges::count(rest_.substr(0, end), '\n');
        rest_.remove_prefix(end + 2);
      } else {
        break;
      }
    }
    if (rest_.front() == '"') return read_text();
    std::size_t size = 0;
    while (size < rest_.size() && is_word(rest_[size])) ++size;
    const auto found = size == 0 ? kind::mark : kind::word;
    token_ = rest_.substr(0, std::max<std::size_t>(size, 1));
    rest_.remove_prefix(token_.size());
    return found;
  }

  // The last word, mark, or text without its quotes.
  const std::string& token() const { return token_; }

  error unfinished(std::string_view what) const {
    return {errc::invalid_argument, fmt::format("line {}: {} does not end", line_, what),
            "give the schema that `prisma validate` accepts"};
  }

 private:
  result<kind> read_text() {
    token_.clear();
    for (std::size_t i = 1; i < rest_.size() && rest_[i] != '\n'; ++i) {
      if (rest_[i] == '\\' && i + 1 < rest_.size()) {
        token_ += rest_[++i];
      } else if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return kind::text;
      } else {
        token_ += rest_[i];
      }
    }
    return unfinished("a text");
  }

  std::string_view rest_;
  std::string token_;
  std::ptrdiff_t line_ = 1;
};

// One line inside a block: its first word, and the text of its @map or @@schema.
struct block_line {
  std::string first;
  std::string attribute;
  std::string text;
};

// Up to the line's end; nothing when the block ends here.
result<std::optional<block_line>> read_line(token_reader& tokens) {
  using kind = token_reader::kind;
  block_line line;
  bool after_at = false;
  int depth = 0;
  for (;;) {
    const auto token = tokens.next();
    if (!token) return token.error();
    switch (*token) {
      case kind::end:
        return tokens.unfinished("a block");
      case kind::line_end:
        if (depth == 0) return std::optional(std::move(line));
        break;
      case kind::word:
        if (after_at && (tokens.token() == "map" || tokens.token() == "schema")) {
          if (line.attribute.empty()) line.attribute = tokens.token();
        } else if (line.first.empty() && !after_at) {
          line.first = tokens.token();
        }
        break;
      case kind::text:
        if (!line.attribute.empty() && line.text.empty()) line.text = tokens.token();
        break;
      case kind::mark:
        if (tokens.token() == "}" && depth == 0) return std::optional<block_line>();
        if (tokens.token() == "(" || tokens.token() == "[" || tokens.token() == "{") ++depth;
        if (tokens.token() == ")" || tokens.token() == "]" || tokens.token() == "}") --depth;
        break;
    }
    after_at = *token == kind::mark && tokens.token() == "@";
  }
}

}  // namespace

result<prisma_schema> prisma_schema::parse(std::string_view text) {
  using kind = token_reader::kind;
  prisma_schema made;
  token_reader tokens(text);
  std::string keyword;
  std::string name;
  for (;;) {
    const auto token = tokens.next();
    if (!token) return token.error();
    if (*token == kind::end) return made;
    if (*token == kind::line_end) {
      keyword.clear();
      name.clear();
    } else if (*token == kind::word) {
      (keyword.empty() ? keyword : name) = tokens.token();
    }
    if (*token != kind::mark || tokens.token() != "{") continue;
    enum_labels labels;
    for (;;) {
      const auto line = read_line(tokens);
      if (!line) return line.error();
      if (!*line) break;
      const auto& [first, attribute, value] = **line;
      // A line without a first word is an attribute of the whole block.
      if (keyword == "enum" && !first.empty() && attribute == "map") labels.emplace(value, first);
      if (keyword == "model" && first.empty() && attribute == "schema")
        made.model_schemas_[name] = value;
    }
    if (!labels.empty()) made.enums_[name] = std::make_shared<const enum_labels>(std::move(labels));
    keyword.clear();
    name.clear();
  }
}

void prisma_schema::complete(model& wanted) const {
  if (const auto found = model_schemas_.find(wanted.name);
      wanted.schema.empty() && found != model_schemas_.end()) {
    wanted.schema = found->second;
  }
  for (auto& field : wanted.fields) {
    if (const auto found = enums_.find(field.type); found != enums_.end())
      field.labels = found->second;
  }
}

}  // namespace pulse::requests
