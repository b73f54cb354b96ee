// PostgreSQL's text form of arrays (manual, section 8.15.6), read element by element.
#pragma once

#include <string>
#include <string_view>

namespace pulse::values {

// Walks "{1,NULL,\"a,b\",{…}}", optionally behind explicit bounds ("[0:1]={…}").
class array_reader {
 public:
  enum class token { open, close, element, null, end, damaged };

  array_reader(std::string_view text, char delimiter);

  // The next token; after `element`, text() is the element with quotes and backslashes taken away.
  token next();
  std::string_view text() const { return element_; }

 private:
  token read_quoted();
  token read_bare();

  std::string_view rest_;
  char delimiter_;
  int depth_ = 0;
  bool started_ = false;
  bool after_value_ = false;
  std::string_view element_;
  std::string unescaped_;
};

// Appends an array to `to` as a JSON array, of arrays where it has several dimensions; the elements
// are appended by `append_element(text)`, which says false to end. False: it did, or the text is no
// array; what was appended is to be thrown away.
template <typename AppendElement>
bool append_array(std::string& to, std::string_view text, char delimiter,
                  const AppendElement& append_element) {
  array_reader reader(text, delimiter);
  bool first = true;
  for (;;) {
    const auto token = reader.next();
    if (token == array_reader::token::end) return true;
    if (token == array_reader::token::damaged) return false;
    if (token == array_reader::token::close) {
      to += ']';
      first = false;
      continue;
    }
    if (!first) to += ',';
    first = token == array_reader::token::open;
    if (token == array_reader::token::open) {
      to += '[';
    } else if (token == array_reader::token::null) {
      to += "null";
    } else if (!append_element(reader.text())) {
      return false;
    }
  }
}

}  // namespace pulse::values
