// The JSON examples in contract/, which tests in other languages read too.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <boost/json/parse.hpp>

namespace pulse::testing {

inline boost::json::value read_contract(const std::string& name) {
  std::ifstream file(std::string(PULSE_SOURCE_DIR) + "/contract/" + name);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.empty()) throw std::runtime_error("contract/" + name + " cannot be read");
  return boost::json::parse(text);
}

}  // namespace pulse::testing
