// PostgreSQL's text form of arrays (manual, section 8.15.6), read element by element.
#pragma once

#include <string>
#include <string_view>

namespace pulse::streams {

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

}  // namespace pulse::streams
