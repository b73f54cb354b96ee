#include "values/array_text.hpp"

namespace pulse::values {
namespace {

bool is_null_word(std::string_view text) {
  constexpr std::string_view word = "NULL";
  if (text.size() != word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c =
        text[i] >= 'a' && text[i] <= 'z' ? static_cast<char>(text[i] - 'a' + 'A') : text[i];
    if (c != word[i]) return false;
  }
  return true;
}

}  // namespace

array_reader::array_reader(std::string_view text, char delimiter)
    : rest_(text), delimiter_(delimiter) {
  if (rest_.starts_with('[')) {
    const auto equals = rest_.find('=');
    rest_ = equals == std::string_view::npos ? std::string_view() : rest_.substr(equals + 1);
  }
}

array_reader::token array_reader::next() {
  if (started_ && depth_ == 0) return rest_.empty() ? token::end : token::damaged;
  if (rest_.empty()) return token::damaged;
  if (started_ && after_value_ && rest_.front() == delimiter_) {
    rest_.remove_prefix(1);
    after_value_ = false;
    if (rest_.empty() || rest_.front() == '}') return token::damaged;
  } else if (started_ && after_value_ && rest_.front() != '}') {
    return token::damaged;
  }
  switch (rest_.front()) {
    case '{':
      started_ = true;
      ++depth_;
      after_value_ = false;
      rest_.remove_prefix(1);
      return token::open;
    case '}':
      if (depth_ == 0) return token::damaged;
      --depth_;
      after_value_ = true;
      rest_.remove_prefix(1);
      return token::close;
    case '"':
      return started_ ? read_quoted() : token::damaged;
    default:
      return started_ ? read_bare() : token::damaged;
  }
}

array_reader::token array_reader::read_quoted() {
  rest_.remove_prefix(1);
  unescaped_.clear();
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    if (rest_[i] == '\\' && i + 1 < rest_.size()) {
      unescaped_ += rest_[++i];
    } else if (rest_[i] == '"') {
      rest_.remove_prefix(i + 1);
      element_ = unescaped_;
      after_value_ = true;
      return token::element;
    } else {
      unescaped_ += rest_[i];
    }
  }
  return token::damaged;
}

array_reader::token array_reader::read_bare() {
  unescaped_.clear();
  bool escaped = false;
  std::size_t i = 0;
  for (; i < rest_.size() && rest_[i] != delimiter_ && rest_[i] != '}' && rest_[i] != '{'; ++i) {
    if (rest_[i] == '\\' && i + 1 < rest_.size()) {
      escaped = true;
      ++i;
    }
    unescaped_ += rest_[i];
  }
  if (i == 0 || i == rest_.size()) return token::damaged;
  rest_.remove_prefix(i);
  element_ = unescaped_;
  after_value_ = true;
  return !escaped && is_null_word(element_) ? token::null : token::element;
}

}  // namespace pulse::values
