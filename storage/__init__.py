"""Everything that is kept: tables, repositories, migrations, adapter folders. Knows no platform and no model."""
