/** Rails from Debian: development and test have a database each. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import type { RealSample } from '../real-sample.ts'
import { missing } from '../tools.ts'

export const rails: RealSample = {
  name: 'Rails, whose tests leave development’s database alone',
  missing: () => missing('rails', '--version') || missing('ruby', '-e', 'require "sqlite3"; require "puma"'),
  files: {
    '.gitignore': '/log\n/tmp\n/db/*.sqlite3*\n/.env\n',
    Gemfile: "source 'https://rubygems.org'\ngem 'rails'\ngem 'sqlite3'\ngem 'puma'\n",
    Rakefile: "require_relative 'config/application'\nRails.application.load_tasks\n",
    'config.ru': "require_relative 'config/environment'\nrun Rails.application\n",
    'bin/rails':
      "#!/usr/bin/env ruby\nAPP_PATH = File.expand_path('../config/application', __dir__)\nrequire_relative '../config/boot'\nrequire 'rails/commands'\n",
    'config/boot.rb': "ENV['BUNDLE_GEMFILE'] ||= File.expand_path('../Gemfile', __dir__)\nrequire 'bundler/setup'\n",
    'config/application.rb': `require_relative 'boot'
require 'rails'
require 'active_record/railtie'
require 'action_controller/railtie'
require 'rails/test_unit/railtie'
module Shop
  class Application < Rails::Application
    config.load_defaults 6.1
    config.hosts.clear
    config.secret_key_base = 'sample' * 10
    config.eager_load = false
  end
end
`,
    'config/environment.rb': "require_relative 'application'\nRails.application.initialize!\n",
    'config/environments/development.rb': 'Rails.application.configure { config.cache_classes = false }\n',
    'config/environments/test.rb': 'Rails.application.configure { config.cache_classes = true }\n',
    'config/routes.rb': "Rails.application.routes.draw { root to: 'items#index' }\n",
    'config/puma.rb': 'port ENV.fetch("PORT", 8475)\n',
    'config/database.yml': `default: &default
  adapter: sqlite3
  timeout: 5000
development:
  <<: *default
  database: db/development.sqlite3
test:
  <<: *default
  database: db/test.sqlite3
`,
    'app/controllers/items_controller.rb': `class ItemsController < ActionController::Base
  def index
    render json: { cwd: Rails.root.to_s, rows: Item.count.to_s }
  end
end
`,
    'app/models/item.rb': 'class Item < ActiveRecord::Base\nend\n',
    'db/migrate/20250101000000_create_items.rb':
      'class CreateItems < ActiveRecord::Migration[6.1]\n  def change\n    create_table(:items)\n  end\nend\n',
    'test/test_helper.rb':
      "ENV['RAILS_ENV'] ||= 'test'\nrequire_relative '../config/environment'\nrequire 'rails/test_help'\n",
    'test/item_test.rb': `require 'test_helper'
class ItemTest < ActiveSupport::TestCase
  test 'starts empty' do
    Item.create!
    assert_equal 1, Item.count
  end
end
`,
  },
  prepare: (root, { sandbox: { env, git } }) => {
    chmodSync(join(root, 'bin/rails'), 0o755)
    execFileSync(join(root, 'bin/rails'), ['db:migrate'], { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'] })
    execFileSync('sqlite3', [join(root, 'db/development.sqlite3'), 'insert into items values (1), (2), (3)'])
    git(root, 'add', '--all')
    git(root, 'commit', '--quiet', '--amend', '--no-edit')
  },
  left: [],
  servers: [
    {
      argv: ['bin/rails', 'server'],
      port: 'app',
      mainPort: 8475,
      expect: (answer) => assert.equal(answer['rows'], '3'),
    },
  ],
  checks: [
    { argv: ['bin/rails', 'test'] },
    { argv: ['bin/rails', 'db:migrate:status'] },
    { argv: ['bin/rails', 'runner', 'raise Item.count.to_s unless Item.count == 3'] },
  ],
  traces: [/^(log|tmp)(\/|$)/],
}
