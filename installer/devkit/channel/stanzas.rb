# Say what a cask says: a stand-in of Homebrew's language of casks, which records every stanza.
#
#   ruby stanzas.rb CASK MACHINE     MACHINE is arm64 or x86_64
#
# prints a JSON object: each stanza with the list of what its calls were given. Whatever is no stanza
# that is known here is a fault, as it is in Homebrew.
require "json"

class RecordedCask
  STANZAS = [:name, :desc, :homepage, :url, :depends_on, :pkg, :uninstall, :zap].freeze
  attr_reader :said

  def initialize(machine)
    @machine = machine
    @said = Hash.new { |said, stanza| said[stanza] = [] }
  end

  STANZAS.each do |stanza|
    define_method(stanza) { |*values, **named| @said[stanza] << (named.empty? ? values : [*values, named]) }
  end

  def arch(arm: nil, intel: nil)
    @said[:arch] << [{ arm: arm, intel: intel }] if arm
    @said[:arch][0][0][(@machine == "arm64") ? :arm : :intel]
  end

  def version(value = nil)
    @said[:version] << [value] if value
    @said[:version].dig(0, 0)
  end

  def sha256(value = nil, arm: nil, intel: nil)
    @said[:sha256] << [value || ((@machine == "arm64") ? arm : intel)]
  end
end

def cask(token, &stanzas)
  recorded = RecordedCask.new(ARGV[1])
  recorded.instance_eval(&stanzas)
  puts JSON.generate({ cask: [[token]], **recorded.said })
end

load File.expand_path(ARGV[0])
