// The file `.env`, in which Prisma's projects keep the URL of their database.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pulse::config {

// The value of `name` in such a file's text: NAME=value, one a line, perhaps behind `export`; in
// single quotes as it stands, in double quotes with \n, else to the end of the line or to a
// comment. ${OTHER} and $OTHER stand for another name of the file, or for what `outside` says of
// it; not in single quotes, nor behind a backslash. The last of several lines of one name counts.
// Nothing: the file does not have it.
std::optional<std::string> dotenv_value(
    std::string_view text, std::string_view name,
    const std::function<std::optional<std::string>(const std::string&)>& outside);

// The same of the file `.env` in the current folder. Nothing too: there is no such file, or it says
// nothing behind the name.
std::optional<std::string> value_in_dotenv(
    std::string_view name,
    const std::function<std::optional<std::string>(const std::string&)>& outside);
std::string dotenv_path();

}  // namespace pulse::config
